import { describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { inspect } from '../../../src/huggingface/inspect.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';

const file = (path: string, size = 10): HubFile => ({ path, size, sha256: null, oid: '0'.repeat(40), security: null });

function look(
  contents: Record<string, string | Error>,
  options: { gated?: boolean; sizes?: Record<string, number> } = {},
) {
  const reads: string[] = [];
  const result = inspect({
    id: 'acme/tiny',
    files: Object.keys(contents).map((path) => file(path, options.sizes?.[path])),
    tags: [],
    gated: options.gated ?? false,
    config: null,
    wantsTemplate: true,
    urlOf: (path) => `https://hub.test/${path}`,
    async read({ path }) {
      reads.push(path);
      const content = contents[path] ?? '';
      if (content instanceof Error) throw content;
      return Buffer.from(content);
    },
  });
  return { result, reads };
}

const index = (map: object) => JSON.stringify({ metadata: {}, weight_map: map });

describe('inspect', () => {
  it('reads the indexes and gives their shards from the root', async () => {
    const { result } = look({
      'model.safetensors.index.json': index({ a: 's2', b: 's1', c: 's2' }),
      'sub/pytorch_model.bin.index.json': index({ a: 'p1' }),
      'original/model.safetensors.index.json': index({ a: 'x' }),
    });
    expect((await result).indexes).toEqual({
      'model.safetensors.index.json': ['s1', 's2'],
      'sub/pytorch_model.bin.index.json': ['sub/p1'],
    });
  });

  it('takes the shards from their names where those leave no doubt', async () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const contents = { 'model.safetensors.index.json': '{}', ...Object.fromEntries(shards.map((path) => [path, ''])) };
    const { result, reads } = look(contents);
    expect(await result).toMatchObject({ indexes: { 'model.safetensors.index.json': shards }, notChecked: [] });
    expect(reads).toEqual([]);
    const gated = look(contents, { gated: true });
    expect(await gated.result).toMatchObject({ indexes: {}, notChecked: ['model.safetensors.index.json: gated'] });
  });

  it('finds remote code in every configuration at the root', async () => {
    const { result, reads } = look({
      'config.json': '{"auto_map":{"AutoModel":"other/repo--m.C"}}',
      'tokenizer_config.json': '{"auto_map":{"AutoTokenizer":["t.T",null]}}',
      'sub/config.json': '{"auto_map":{"AutoModel":"m.C"}}',
    });
    expect((await result).remoteCode).toEqual([
      { file: 'config.json', repository: 'other/repo' },
      { file: 'tokenizer_config.json', repository: null },
    ]);
    expect(reads).toEqual(['config.json', 'tokenizer_config.json']);
  });

  it('reads nothing of a gated repository and says what', async () => {
    const { result, reads } = look({ 'config.json': '{}', 'model.safetensors.index.json': '{}' }, { gated: true });
    expect((await result).notChecked).toEqual(['config.json: gated', 'model.safetensors.index.json: gated']);
    expect(reads).toEqual([]);
  });

  it('notices gating that the metadata did not mention, and stops asking', async () => {
    const gated = new PublisherError('hub-gated', 'gated');
    const { result, reads } = look({ 'config.json': gated, 'tokenizer_config.json': '{}' });
    expect(await result).toMatchObject({
      foundGated: true,
      notChecked: ['config.json: gated', 'tokenizer_config.json: gated'],
    });
    expect(reads).toEqual(['config.json']);
  });

  it('lists what makes no sense', async () => {
    const { result } = look(
      {
        'config.json': '{',
        'tokenizer_config.json': '{"auto_map":7}',
        'processor_config.json': '{}',
        'model.safetensors.index.json': '{"weight_map":[]}',
      },
      { sizes: { 'processor_config.json': 5_000_000 } },
    );
    expect(await result).toMatchObject({
      indexes: {},
      notChecked: [
        'config.json: not valid JSON',
        'tokenizer_config.json: its auto_map is not understood',
        'processor_config.json: 5000000 bytes, more than the 4194304 that are read',
        'model.safetensors.index.json: no weight map',
      ],
    });
  });

  it('passes every other failure on', async () => {
    const { result } = look({ 'config.json': new PublisherError('hub-unavailable', 'down') });
    await expect(result).rejects.toMatchObject({ code: 'hub-unavailable' });
  });

  it('does not read indexes without end', async () => {
    const many = Array.from({ length: 40 }, (_, at) => [`${at}/m.bin.index.json`, index({ a: 'x' })]);
    const { result, reads } = look(Object.fromEntries(many));
    expect((await result).notChecked).toHaveLength(8);
    expect(reads).toHaveLength(32);
  });
});
