import { describe, expect, it } from 'vitest';
import { hubLayer, memoryLayer } from '../../../src/build/layer-content.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { planLayers } from '../../../src/image/layer-plan.ts';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_CONFIG } from '../../../src/registry/media-types.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { readTar } from '../../support/image/read-tar.ts';
import { hubFile } from '../../support/policy/input.ts';

const MODEL = { id: 'acme/tiny', revision: 'a'.repeat(40) };
const CONTENT = {
  'config.json': Buffer.from('{}'),
  'sub/a.txt': Buffer.from('hello'),
  'model.safetensors': Buffer.alloc(1500, 7),
};
const FILES: HubFile[] = Object.entries(CONTENT).map(([path, { length }]) => hubFile(path, { size: length }));

function layers(files: HubFile[]) {
  const plan = planLayers({ files, folder: 'models/tiny', baseLayers: 1, layerMaxBytes: 1e9 });
  if (!plan.ok) throw new Error(plan.message);
  return plan.layers;
}

async function bytesOf(content: { open(signal: AbortSignal): AsyncIterable<Uint8Array> }) {
  return Buffer.concat(await Array.fromAsync(content.open(new AbortController().signal)));
}

describe('a layer from the Hub', () => {
  it('is a tar of the files, as long as was declared, and asks for each file once', async () => {
    const hub = new FakeHub({}, CONTENT);
    const planned = layers(FILES);
    const archives = [];
    for (const layer of planned) {
      const content = hubLayer(layer, hub, MODEL, null);
      const bytes = await bytesOf(content);
      expect(bytes.length).toBe(content.size);
      archives.push(readTar(bytes));
    }
    expect(archives.map((entries) => entries.map(({ path, mode }) => [path, mode]))).toEqual([
      [
        ['models/tiny/', 0o755],
        ['models/tiny/sub/', 0o755],
        ['models/tiny/config.json', 0o644],
        ['models/tiny/sub/a.txt', 0o644],
      ],
      [['models/tiny/model.safetensors', 0o644]],
    ]);
    expect(archives[1]?.[0]?.content.equals(CONTENT['model.safetensors'])).toBe(true);
    expect(hub.downloads).toEqual(['config.json', 'sub/a.txt', 'model.safetensors']);
  });

  it('is the same each time it is opened', async () => {
    const [layer] = layers(FILES);
    if (layer === undefined) throw new Error('no layer');
    const content = hubLayer(layer, new FakeHub({}, CONTENT), MODEL, null);
    expect(digestOf(await bytesOf(content))).toBe(digestOf(await bytesOf(content)));
  });

  it.each([
    ['shorter', 1499],
    ['longer', 1501],
  ])('fails, naming the file, when the Hub gives a %s one than the header says', async (_how, length) => {
    const hub = new FakeHub({}, { ...CONTENT, 'model.safetensors': Buffer.alloc(length) });
    const layer = layers(FILES)[1];
    if (layer === undefined) throw new Error('no layer');
    await expect(bytesOf(hubLayer(layer, hub, MODEL, null))).rejects.toMatchObject({
      code: 'download-truncated',
      message: expect.stringContaining(`model.safetensors: got ${length} of 1500 bytes`),
    });
  });
});

describe('a layer in memory', () => {
  it('is in the order of its paths, whatever order it was given in', () => {
    const files = ['b', 'a/', 'a/x'].map((path) => ({
      entry: { path, size: path.endsWith('/') ? 0 : 1, mode: 0o644 as const },
      content: Buffer.from(path.endsWith('/') ? '' : 'x'),
    }));
    const layer = memoryLayer(files);
    expect(memoryLayer([...files].reverse()).digest).toBe(layer.digest);
  });

  it('has digest and size of its bytes', async () => {
    const blob = blobOf(Buffer.from('{}'), OCI_CONFIG);
    expect(blob).toMatchObject({ mediaType: OCI_CONFIG, size: 2, digest: digestOf(Buffer.from('{}')) });
    expect((await bytesOf(blob)).toString()).toBe('{}');
  });
});
