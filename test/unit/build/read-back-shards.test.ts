import { describe, expect, it } from 'vitest';
import { ReadBackShards } from '../../../src/build/read-back-shards.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { splitFile } from '../../../src/image/safetensors/split.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { hubFile } from '../../support/policy/input.ts';
import { layerTensors, safetensorsFile } from '../../support/safetensors/make.ts';

const PATH = 'model.safetensors';
const { content, head } = safetensorsFile({ seed: 'x', tensors: layerTensors(9, 4) });
const BYTES = bytesOf(content);
const file = hubFile(PATH, { size: BYTES.length, sha256: sha256Hex(BYTES) });
const split = splitFile({ file, head, folder: 'm', layerMaxBytes: 16_000, paths: [PATH] });
if (!split.ok) throw new Error(split.problem);
const { parts } = split.value;
const shards = parts.map(({ header, begin, end }) => Buffer.concat([header, BYTES.subarray(begin, end)]));

/** What is wrong with these shards, read back in this order; null when they are the file's. */
function judge(read: readonly Buffer[], order = read.map((_, at) => at), chunk = 1000) {
  const judged = new ReadBackShards();
  for (const index of order) {
    const bytes = read[index] ?? Buffer.alloc(0);
    const expected = judged.expectation(split.ok ? split.value : never(), index);
    for (let at = 0; at < expected.size; at += chunk) {
      const taken = bytes.subarray(at, Math.min(expected.size, at + chunk));
      if (!expected.take(taken, at)) return `${expected.what} is another`;
    }
    const wrong = expected.end();
    if (wrong !== null) return wrong;
  }
  const missing = judged.missing();
  return missing === null ? { hashes: Object.fromEntries(judged.hashes) } : `${missing} is incomplete`;
}

function never(): never {
  throw new Error('not split');
}

function altered(at: number, byte: number): Buffer[] {
  return shards.map((shard, index) => {
    if (index !== at) return shard;
    const other = Buffer.from(shard);
    other[byte] = (other[byte] ?? 0) ^ 1;
    return other;
  });
}

describe('shards read back', () => {
  it.each([1, 7, 4096, 1e6])('are those of the file, in pieces of %i bytes, and get their hashes', (chunk) => {
    expect(parts).toHaveLength(3);
    const hashes = Object.fromEntries(parts.map(({ path }, at) => [path, sha256Hex(shards[at] ?? '')]));
    expect(judge(shards, undefined, chunk)).toEqual({ hashes });
  });

  it.each(parts.map(({ header }, at) => [at, header.length + 3] as const))(
    'are not, with another byte in the data of shard %i',
    (at, byte) => {
      expect(judge(altered(at, byte))).toMatch(/shards of model\.safetensors together have other bytes/);
    },
  );

  it.each([0, 1, 2])('are not, with another byte in the header of shard %i', (at) => {
    expect(judge(altered(at, 20))).toBe(`${parts[at]?.path} is another`);
  });

  it('prove nothing while one is missing, or out of their order', () => {
    expect(judge(shards, [0, 1])).toBe('model.safetensors is incomplete');
    expect(judge(shards, [0, 2, 1])).toMatch(/which is not the next, is another/);
    expect(judge(shards, [])).toEqual({ hashes: {} });
  });
});
