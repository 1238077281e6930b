import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openLayout } from '../../src/registry/layout.ts';
import { findProgram, pushBaseImage } from '../support/registry/index.ts';

const run = promisify(execFile);
const found = findProgram('skopeo') !== null;
const inspected = z.object({ Labels: z.record(z.string(), z.string()), Layers: z.array(z.string()) });

describe.skipIf(!found)('an image layout as skopeo sees it (needs skopeo)', () => {
  it('is found by its tag, for each platform, and every blob is as its digest says', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'layout-'));
    try {
      const source = join(dir, 'source');
      const base = await pushBaseImage(openLayout(source), { tag: 'v1', labels: { a: 'b' } });
      for (const [at, architecture] of ['amd64', 'arm64'].entries()) {
        const { stdout } = await run('skopeo', ['inspect', '--override-arch', architecture, `oci:${source}:v1`]);
        const image = inspected.parse(JSON.parse(stdout));
        expect(image.Labels).toEqual({ a: 'b' });
        expect(image.Layers).toEqual(base.manifests[at]?.layers.map(({ digest }) => digest));
      }
      const policy = ['--insecure-policy', 'copy', '--all'];
      await run('skopeo', [...policy, `oci:${source}:v1`, `oci:${join(dir, 'copy')}:v2`]);
      expect((await openLayout(join(dir, 'copy')).manifest('v2')).digest).toBe(base.digest);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('is found without a tag when it is the only one', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'layout-'));
    try {
      const scratch = openLayout(join(dir, 'scratch'));
      const base = await pushBaseImage(scratch, { platforms: ['linux/amd64'] });
      const target = openLayout(join(dir, 'target'));
      for (const digest of [base.manifests[0]?.descriptor.digest ?? '', base.digest]) {
        const { bytes, mediaType } = await scratch.manifest(digest);
        await target.putManifest(bytes, mediaType);
      }
      const { stdout } = await run('skopeo', ['inspect', '--raw', `oci:${join(dir, 'target')}`]);
      expect(stdout).toContain(base.manifests[0]?.descriptor.digest);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
