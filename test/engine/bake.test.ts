import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { BUILTIN_RUNTIMES } from '../../src/catalog/builtin-runtimes.ts';
import { cli } from '../support/cli/cli.ts';
import { docker, engineMissing } from '../support/engine/engine.ts';

const missing = engineMissing();
const printed = z.object({
  target: z.record(
    z.string(),
    z.object({
      target: z.string(),
      args: z.record(z.string(), z.string()),
      platforms: z.array(z.string()),
      tags: z.array(z.string()),
      attest: z.array(z.string()),
    }),
  ),
});

describe.skipIf(missing !== null)(
  `the bake definition, as buildx reads it${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'publisher-bake-test-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    test('is valid and holds the founding seven with their targets, arguments, platforms, tags and attestations', async () => {
      const catalog = join(folder, 'models.yaml');
      const defaults = { registries: { local: 'registry.example/acme' }, publish: { local: true } };
      await writeFile(catalog, JSON.stringify({ defaults, models: [] }));
      const told = await cli(
        ['runtime', 'publish', '--print', '--experimental', '--tag', 'v9', '--latest', '--catalog', catalog],
        { PATH: process.env.PATH, DATA_DIR: folder },
      );
      expect(told.code, told.stderr).toBe(0);
      const file = join(folder, 'bake.json');
      await writeFile(file, told.stdout);
      const read = await docker(['buildx', 'bake', '--file', file, '--print']);
      expect(read.code, read.stderr).toBe(0);
      const { target } = printed.parse(JSON.parse(read.stdout));
      expect(Object.keys(target).sort()).toEqual(Object.keys(BUILTIN_RUNTIMES).sort());
      for (const [name, { build, platforms }] of Object.entries(BUILTIN_RUNTIMES)) {
        const found = target[name];
        const suffix = name === 'llamacpp-cpu' ? '' : `-${name}`;
        expect(found).toMatchObject({ target: build?.target, args: build?.args, platforms });
        expect(found?.attest).toEqual(['type=sbom', 'type=provenance,mode=max']);
        expect(found?.tags).toEqual([
          expect.stringMatching(new RegExp(`^registry\\.example/acme/model-runner:b[0-9a-f]{12}${suffix}$`)),
          `registry.example/acme/model-runner:v9${suffix}`,
          `registry.example/acme/model-runner:latest${suffix}`,
        ]);
      }
    });
  },
);
