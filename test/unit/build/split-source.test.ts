import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SplitSource } from '../../../src/build/split-source.ts';
import { PublisherError } from '../../../src/errors.ts';
import type { HubFile, ModelAt } from '../../../src/huggingface/types.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { splitFile } from '../../../src/image/safetensors/split.ts';
import { bytesOf } from '../../support/hub/content.ts';
import { FakeHub } from '../../support/image/fake-hub.ts';
import { hubFile } from '../../support/policy/input.ts';
import { layerTensors, safetensorsFile } from '../../support/safetensors/make.ts';

const MODEL = { id: 'acme/tiny', revision: 'a'.repeat(40) };
const PATH = 'model.safetensors';
const { content, head } = safetensorsFile({ seed: 'x', tensors: layerTensors(9, 4) });
const BYTES = bytesOf(content);

function setup(served: Buffer = BYTES, hub = new FakeHub({}, { [PATH]: served })) {
  const file = hubFile(PATH, { size: BYTES.length, sha256: sha256Hex(BYTES) });
  const split = splitFile({ file, head, folder: 'm', layerMaxBytes: 16_000, paths: [PATH] });
  if (!split.ok) throw new Error(split.problem);
  const { parts } = split.value;
  expect(parts).toHaveLength(3);
  const source = new SplitSource(split.value, hub, MODEL);
  const ranges = parts.map(({ begin, end }) => `${PATH} ${begin}-${end}`);
  const part = async (index: number) => Buffer.concat(await Array.fromAsync(source.part(index)));
  return { source, parts, hub, ranges, part };
}

const corrupt = (at: number) => {
  const bytes = Buffer.from(BYTES);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
};

describe('the shards of a split file', () => {
  it('stream one after the other, each asked for once, and have their own hashes', async () => {
    const { source, parts, hub, ranges, part } = setup();
    for (const [at, { header, begin, end }] of parts.entries()) {
      const bytes = await part(at);
      expect(bytes.equals(Buffer.concat([header, BYTES.subarray(begin, end)]))).toBe(true);
      expect(source.sha256(at)).toBe(sha256Hex(bytes));
    }
    await source.verified();
    expect(hub.ranges).toEqual(ranges);
  });

  it('stream again from their own beginning', async () => {
    const { source, hub, ranges, part } = setup();
    for (const at of [0, 1, 1, 0, 2, 2]) await part(at);
    await source.verified();
    expect(hub.ranges).toEqual([0, 1, 1, 0, 2, 2].map((at) => ranges[at]));
  });

  it('stream again after having broken off', async () => {
    class Breaking extends FakeHub {
      breaks = 1;
      override async *range(model: ModelAt, file: HubFile, begin: number, end: number) {
        this.breaks -= 1;
        if (this.breaks === 0) {
          yield BYTES.subarray(begin, begin + 7);
          throw new PublisherError('download-truncated', 'broke off');
        }
        yield* super.range(model, file, begin, end);
      }
    }
    const hub = new Breaking({}, { [PATH]: BYTES });
    const { source, part } = setup(BYTES, hub);
    await expect(part(0)).rejects.toThrow('broke off');
    for (const at of [0, 1]) await part(at);
    hub.breaks = 1;
    await expect(part(2)).rejects.toThrow('broke off');
    await part(2);
    await source.verified();
  });

  it.each([
    ['first', 0],
    ['last', 2],
  ])('fail in the last of them when a byte of the %s is another, naming the file', async (_which, index) => {
    const { source, part } = setup(corrupt((setup().parts[index]?.begin ?? 0) + 10));
    for (const at of [0, 1]) await part(at);
    const failure = { code: 'download-corrupt', message: expect.stringContaining(`${PATH} of acme/tiny has sha256`) };
    await expect(part(2)).rejects.toMatchObject(failure);
    await expect(source.verified()).rejects.toMatchObject(failure);
  });

  it('fail when their header was another, since the file is', async () => {
    const file = hubFile(PATH, { size: BYTES.length, sha256: sha256Hex(BYTES) });
    const other = Buffer.from(head.toString('latin1').replace('layers.0', 'layers.x'), 'latin1');
    const split = splitFile({ file, head: other, folder: 'm', layerMaxBytes: 16_000, paths: [PATH] });
    if (!split.ok) throw new Error(split.problem);
    const source = new SplitSource(split.value, new FakeHub({}, { [PATH]: BYTES }), MODEL);
    await expect(source.verified()).rejects.toMatchObject({ code: 'download-corrupt' });
  });

  it('fail when the Hub gives fewer bytes', async () => {
    const { part } = setup(BYTES.subarray(0, BYTES.length - 1));
    await part(0);
    await expect(part(2)).rejects.toMatchObject({ code: 'download-truncated' });
  });

  it('are verified together even where only some were wanted', async () => {
    const { source, hub, ranges, part } = setup();
    await part(1);
    await source.verified();
    expect(hub.ranges).toEqual(ranges);
    const wrong = setup(corrupt(BYTES.length - 1));
    await wrong.part(1);
    await expect(wrong.source.verified()).rejects.toMatchObject({ code: 'download-corrupt' });
  });

  it('can be verified against a git hash, too', async () => {
    const oid = createHash('sha1').update(`blob ${BYTES.length}\0`).update(BYTES).digest('hex');
    const file = hubFile(PATH, { size: BYTES.length, oid });
    const split = splitFile({ file, head, folder: 'm', layerMaxBytes: 16_000, paths: [PATH] });
    if (!split.ok) throw new Error(split.problem);
    await new SplitSource(split.value, new FakeHub({}, { [PATH]: BYTES }), MODEL).verified();
  });
});
