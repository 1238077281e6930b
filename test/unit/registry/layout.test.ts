import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { openLayout } from '../../../src/registry/layout.ts';
import { diskFailure } from '../../../src/registry/layout-files.ts';
import { REF_NAME } from '../../../src/registry/layout-index.ts';
import { OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import type { ManifestContent } from '../../../src/registry/types.ts';
import { pushBaseImage } from '../../support/registry/index.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'layout-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const entries = z.object({
  manifests: z.array(z.object({ digest: z.string(), annotations: z.record(z.string(), z.string()).optional() })),
});

/** What index.json lists: digest and name. */
async function listed(): Promise<[string, string | null][]> {
  const index = entries.parse(JSON.parse(await readFile(join(dir, 'index.json'), 'utf8')));
  return index.manifests.map(({ digest, annotations }) => [digest, annotations?.[REF_NAME] ?? null]);
}

const blobs = () => readdir(join(dir, 'blobs/sha256'));

function manifestOf(text: string): ManifestContent {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, note: text }));
  return { bytes, mediaType: OCI_MANIFEST, digest: digestOf(bytes) };
}

describe('a layout on disk', () => {
  it('gives back what was written, by tag and by digest', async () => {
    const layout = openLayout(dir);
    const base = await pushBaseImage(layout, { tag: 'v1' });
    expect((await layout.manifest('v1')).digest).toBe(base.digest);
    expect((await layout.manifest(base.digest)).mediaType).toBe(OCI_INDEX);
    const layer = base.manifests[0]?.layers[0];
    if (layer === undefined) throw new Error('no layer');
    expect(digestOf(Buffer.concat(await Array.fromAsync(layout.blob(layer))))).toBe(layer.digest);
    expect(JSON.parse(await readFile(join(dir, 'oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(await listed()).toEqual([[base.digest, 'v1']]);
    expect((await readdir(dir)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('reaches a manifest without a tag by its digest, until a tag names it', async () => {
    const layout = openLayout(dir);
    const { bytes, digest } = manifestOf('a');
    await layout.putManifest(bytes, OCI_MANIFEST);
    await layout.putManifest(bytes, OCI_MANIFEST);
    expect(await listed()).toEqual([[digest, null]]);
    await layout.tag('v1', manifestOf('a'));
    await layout.tag('v2', manifestOf('a'));
    expect(await listed()).toEqual([
      [digest, 'v1'],
      [digest, 'v2'],
    ]);
  });

  it('keeps what a moved tag left, once, reachable by digest', async () => {
    const layout = openLayout(dir);
    await layout.tag('v1', manifestOf('a'));
    await layout.tag('v1', manifestOf('b'));
    await layout.tag('v1', manifestOf('b'));
    expect(await listed()).toEqual([
      [manifestOf('a').digest, null],
      [manifestOf('b').digest, 'v1'],
    ]);
    await layout.tag('v2', manifestOf('b'));
    await layout.tag('v1', manifestOf('a'));
    expect(await listed()).toEqual([
      [manifestOf('b').digest, 'v2'],
      [manifestOf('a').digest, 'v1'],
    ]);
  });

  it('loses no tag of many written at once, by several openers', async () => {
    const tags = Array.from({ length: 12 }, (_, at) => `v${at}`);
    await Promise.all(tags.map((tag) => openLayout(dir).tag(tag, manifestOf(tag))));
    expect((await listed()).map(([, name]) => name).sort()).toEqual([...tags].sort());
  });

  it('takes over the lock of a dead process, and waits for that of a living one', async () => {
    await openLayout(dir).tag('v1', manifestOf('a'));
    await writeFile(join(dir, '.index.lock'), '999999999');
    await openLayout(dir).tag('v2', manifestOf('b'));
    await writeFile(join(dir, '.index.lock'), String(process.pid));
    let now = 0;
    const clock = {
      now: () => now,
      sleep: async (ms: number) => {
        now += ms;
      },
    };
    await expect(openLayout(dir, { clock }).tag('v3', manifestOf('c'))).rejects.toMatchObject({ code: 'busy' });
  });

  it('has a blob only when it is whole', async () => {
    const layout = openLayout(dir);
    const descriptor = await layout.write(blobOf(Buffer.from('whole'), OCI_LAYER));
    expect(await layout.has(descriptor)).toBe(true);
    expect(await layout.mount(descriptor, { registry: 'x', repository: 'y', tag: null, digest: null })).toBe(true);
    expect(await layout.has({ ...descriptor, size: 4 })).toBe(false);
    await writeFile(join(dir, 'blobs/sha256', descriptor.digest.slice(7)), 'WHOLE');
    expect(await layout.has(descriptor)).toBe(true);
    expect(await layout.has(descriptor, { verify: true })).toBe(false);
    await expect(Array.fromAsync(layout.blob(descriptor))).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('tells the digest of a blob before the blob is there, and keeps none whose digest cannot be noted', async () => {
    const layout = openLayout(dir);
    const content = blobOf(Buffer.from('a layer'), OCI_LAYER);
    const { mediaType, digest, size } = content;
    const told: unknown[] = [];
    await layout.write(content, {
      onDigest: async (descriptor) => void told.push(descriptor, await layout.has(descriptor)),
    });
    expect(told).toEqual([{ mediaType, digest, size }, false]);
    expect(await layout.has({ mediaType, digest, size })).toBe(true);
    const other = blobOf(Buffer.from('another layer'), OCI_LAYER);
    const onDigest = () => Promise.reject(new Error('no ledger'));
    await expect(layout.write(other, { onDigest })).rejects.toThrow('no ledger');
    expect(await blobs()).toHaveLength(1);
  });

  it('leaves nothing of content that failed, came short or was another', async () => {
    const layout = openLayout(dir);
    const failed = {
      ...blobOf(Buffer.from('abc'), OCI_LAYER),
      async *open() {
        yield Buffer.from('a');
        throw new Error('hung up');
      },
    };
    await expect(layout.write(failed)).rejects.toThrow('hung up');
    await expect(layout.write({ ...blobOf(Buffer.from('abc'), OCI_LAYER), size: 4 })).rejects.toMatchObject({
      code: 'download-truncated',
    });
    await expect(layout.write({ ...blobOf(Buffer.from('abc'), OCI_LAYER), size: 2 })).rejects.toMatchObject({
      code: 'download-corrupt',
    });
    const other = { ...blobOf(Buffer.from('abc'), OCI_LAYER), digest: digestOf(Buffer.from('abd')) };
    await expect(layout.write(other)).rejects.toMatchObject({ code: 'download-corrupt' });
    expect(await blobs()).toEqual([]);
  });

  it('clears away what a killed writer left, but not what a running one writes', async () => {
    await openLayout(dir).write(blobOf(Buffer.from('a'), OCI_LAYER));
    const [old, young] = ['.0123456789abcdef.part', '.fedcba9876543210.part'];
    await Promise.all([old, young].map((name) => writeFile(join(dir, 'blobs/sha256', name), 'half')));
    await utimes(join(dir, 'blobs/sha256', old), 0, 0);
    await openLayout(dir).write(blobOf(Buffer.from('a'), OCI_LAYER));
    expect(await blobs()).toEqual([young, digestOf(Buffer.from('a')).slice(7)]);
  });

  it('stops when cancelled', async () => {
    const signal = AbortSignal.abort();
    const content = {
      ...blobOf(Buffer.from('abc'), OCI_LAYER),
      // biome-ignore lint/correctness/useYield: content that is asked too late gives nothing
      async *open(asked: AbortSignal): AsyncGenerator<Uint8Array> {
        asked.throwIfAborted();
      },
    };
    await expect(openLayout(dir).write(content, { signal })).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('says what is missing', async () => {
    const layout = openLayout(join(dir, 'none'));
    const absent = digestOf(Buffer.from('absent'));
    await expect(layout.manifest('v1')).rejects.toMatchObject({ code: 'registry-not-found' });
    await expect(layout.manifest(absent)).rejects.toMatchObject({ code: 'registry-not-found' });
    await expect(Array.fromAsync(layout.blob({ mediaType: '', digest: absent, size: 1 }))).rejects.toMatchObject({
      code: 'registry-not-found',
    });
    expect(await readdir(dir)).toEqual([]);
  });

  it('leaves a folder with other things in it alone', async () => {
    await writeFile(join(dir, 'thesis.tex'), '');
    await expect(openLayout(dir).tag('v1', manifestOf('a'))).rejects.toMatchObject({ code: 'environment' });
    expect(await readdir(dir)).toEqual(['thesis.tex']);
  });

  it('refuses a file as a folder, a newer layout, and names that are paths', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(openLayout(join(dir, 'file')).tag('v1', manifestOf('a'))).rejects.toMatchObject({
      code: 'environment',
    });
    await mkdir(join(dir, 'new'));
    await writeFile(join(dir, 'new/oci-layout'), '{"imageLayoutVersion":"2.0.0"}');
    await expect(openLayout(join(dir, 'new')).tag('v1', manifestOf('a'))).rejects.toMatchObject({
      code: 'image-invalid',
    });
    await expect(openLayout(dir).manifest('../../etc/passwd')).rejects.toMatchObject({ code: 'usage' });
    await expect(openLayout(dir).tag('../x', manifestOf('a'))).rejects.toMatchObject({ code: 'usage' });
    await expect(openLayout(dir).has({ mediaType: '', digest: 'sha256:../../x', size: 1 })).rejects.toMatchObject({
      code: 'usage',
    });
    expect(() => openLayout('')).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('calls a full disk a full disk', () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    expect(diskFailure(full, '/images')).toMatchObject({
      code: 'environment',
      message: expect.stringContaining('No space left to write /images'),
    });
    const other = new Error('something else');
    expect(diskFailure(other, '/images')).toBe(other);
  });
});
