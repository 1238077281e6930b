import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitFile } from '../../../../src/image/safetensors/split.ts';
import type { SplitFile } from '../../../../src/image/safetensors/types.ts';
import { tarSize } from '../../../../src/image/tar.ts';
import { bytesOf } from '../../../support/hub/content.ts';
import { hubFile } from '../../../support/policy/input.ts';
import { type FileSpec, layerTensors, safetensorsFile } from '../../../support/safetensors/make.ts';
import { readSafetensors } from '../../../support/safetensors/read.ts';

const FOLDER = 'models/tiny';

function split(spec: FileSpec, layerMaxBytes: number, path = 'model.safetensors', paths: string[] = []) {
  const { content, head } = safetensorsFile(spec);
  const file = hubFile(path, { size: content.size, sha256: 'b'.repeat(64) });
  const result = splitFile({ file, head, folder: FOLDER, layerMaxBytes, paths: [path, ...paths] });
  return { result, original: bytesOf(content), head };
}

function partsOf({ result, original }: ReturnType<typeof split>) {
  if (!result.ok) throw new Error(result.problem);
  const bytes = ({ header, begin, end }: SplitFile['parts'][number]) =>
    Buffer.concat([header, original.subarray(begin, end)]);
  return result.value.parts.map((part) => ({ ...part, bytes: bytes(part) }));
}

const tensorSpec = fc.record({
  name: fc.string({ minLength: 1, maxLength: 12 }).filter((name) => name !== '__metadata__'),
  dtype: fc.constantFrom('F64', 'F32', 'BF16', 'U8', 'BOOL'),
  shape: fc.array(fc.nat(9), { maxLength: 3 }),
});
const anyFile: fc.Arbitrary<FileSpec> = fc
  .record({
    seed: fc.string(),
    tensors: fc.uniqueArray(tensorSpec, { selector: ({ name }) => name, minLength: 1, maxLength: 25 }),
    metadata: fc.option(fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 3 })),
  })
  .chain((spec) =>
    fc
      .shuffledSubarray([...spec.tensors.keys()], { minLength: spec.tensors.length })
      .map((order) => ({ ...spec, order })),
  );

describe('a file that is split', () => {
  it('is the same tensors in valid files that fit, end to end, or has one that is too large', async () => {
    await fc.assert(
      fc.asyncProperty(anyFile, fc.integer({ min: 2000, max: 9000 }), async (spec, limit) => {
        const done = split(spec, limit);
        if (!done.result.ok) {
          expect(done.result.problem).toContain('too large by itself');
          return;
        }
        const original = await readSafetensors([done.original]);
        const parts = partsOf(done);
        const found = new Map<string, unknown>();
        let at = done.head.length;
        for (const part of parts) {
          expect([part.begin, part.bytes.length]).toEqual([at, part.size]);
          at = part.end;
          expect(tarSize([{ path: `${FOLDER}/${part.path}`, size: part.size, mode: 0o644 }])).toBeLessThanOrEqual(
            limit,
          );
          const read = await readSafetensors([part.bytes]);
          expect(read.metadata).toEqual(original.metadata);
          const order = [...original.tensors.keys()].filter((name) => read.tensors.has(name));
          expect([...read.tensors.keys()]).toEqual(order);
          for (const [name, tensor] of read.tensors) found.set(name, tensor);
          expect([...part.tensors].sort()).toEqual([...read.tensors.keys()].sort());
        }
        expect(at).toBe(done.original.length);
        expect(found.size).toBe(original.tensors.size);
        for (const [name, tensor] of original.tensors) expect([name, found.get(name)]).toEqual([name, tensor]);
      }),
      { numRuns: 200 },
    );
  });

  it('comes out the same each time', () => {
    const spec = { seed: 's', tensors: layerTensors(9, 2) };
    expect(split(spec, 9000).result).toEqual(split(spec, 9000).result);
  });

  it('has as few parts as its limit allows: none takes the first tensor of the next', () => {
    const spec = { seed: 's', tensors: layerTensors(10, 4) };
    const parts = partsOf(split(spec, 3 * 4096 + 4096));
    expect(parts.map(({ tensors }) => tensors.length)).toEqual([3, 3, 3, 1]);
    for (const [at, { path, size }] of parts.slice(0, -1).entries()) {
      const next = (parts[at + 1]?.size ?? 0) > 0 ? 4096 : 0;
      expect(tarSize([{ path: `${FOLDER}/${path}`, size: size + next, mode: 0o644 }])).toBeGreaterThan(4 * 4096);
    }
  });

  it('has parts of exactly the limit, framing included', () => {
    const spec = { seed: 's', tensors: layerTensors(2, 1) };
    const [first] = partsOf(split(spec, 4000));
    const exact = tarSize([{ path: `${FOLDER}/${first?.path}`, size: first?.size ?? 0, mode: 0o644 }]);
    expect(exact).toBeLessThanOrEqual(4000);
    expect(partsOf(split(spec, exact))).toHaveLength(2);
    expect(split(spec, exact - 512).result).toMatchObject({
      ok: false,
      problem: expect.stringContaining('"model.layers.0.weight" of 1024 bytes'),
    });
  });

  it('keeps tensors aligned that were aligned, even if that takes another part', async () => {
    const tensors = [
      { name: 'odd', dtype: 'U8', shape: [1000] },
      { name: 'odder', dtype: 'U8', shape: [1004] },
      { name: 'wide', dtype: 'F64', shape: [1] },
    ];
    // `wide` begins at 2004, no multiple of 8: whatever loads the original does not mind.
    expect(partsOf(split({ seed: 's', tensors }, 3600)).map((part) => part.tensors)).toEqual([
      ['odd'],
      ['odder', 'wide'],
    ]);
    const aligned = [
      { name: 'odd', dtype: 'U8', shape: [1002] },
      { name: 'odder', dtype: 'U8', shape: [1006] },
      ...tensors.slice(2),
    ];
    expect(partsOf(split({ seed: 's', tensors: aligned }, 3600)).map((part) => part.tensors)).toEqual([
      ['odd'],
      ['odder'],
      ['wide'],
    ]);
  });

  it('holds no tensors: there is nothing to cut', () => {
    expect(split({ seed: 's', tensors: [] }, 10).result).toMatchObject({ ok: false, problem: 'holds no tensors' });
  });

  it('does not parse: the reason is told', () => {
    const file = hubFile('model.safetensors', { size: 1e6 });
    const input = { file, folder: FOLDER, layerMaxBytes: 1e5, paths: [], head: Buffer.from('nothing at all') };
    expect(splitFile(input)).toMatchObject({ ok: false });
  });
});

describe('the names of parts', () => {
  const names = (path: string, paths: string[] = []) =>
    partsOf(split({ seed: 's', tensors: layerTensors(2, 1) }, 4000, path, paths)).map((part) => part.path);

  it.each([
    ['model.safetensors', [], 'model-00001-of-00002.safetensors'],
    ['sub/model.safetensors', [], 'sub/model-00001-of-00002.safetensors'],
    ['consolidated.safetensors', [], 'consolidated-part-00001-of-00002.safetensors'],
    ['model-00001-of-00009.safetensors', [], 'model-00001-of-00009-part-00001-of-00002.safetensors'],
    ['model.safetensors', ['Model-00007-of-00009.safetensors'], 'model-part-00001-of-00002.safetensors'],
    ['a.safetensors', ['a-part-00001-of-00001.safetensors'], 'a-part2-00001-of-00002.safetensors'],
  ])('of %s beside %j begin with %s', (path, paths, first) => {
    expect(names(path, paths)).toEqual([first, first.replace(/00001(-of-00002)/, '00002$1')]);
  });
});
