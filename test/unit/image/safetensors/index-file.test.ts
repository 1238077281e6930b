import { describe, expect, it } from 'vitest';
import { newIndex, parseIndex, rewriteIndex } from '../../../../src/image/safetensors/index-file.ts';
import type { SplitFile } from '../../../../src/image/safetensors/types.ts';
import { hubFile } from '../../../support/policy/input.ts';

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const split = (path: string, parts: Record<string, string[]>): SplitFile => ({
  file: hubFile(path),
  head: new Uint8Array(),
  parts: Object.entries(parts).map(([name, tensors]) => ({
    path: name,
    tensors,
    header: new Uint8Array(),
    begin: 0,
    end: 0,
    size: 0,
  })),
});

function rewritten(index: unknown, folder: string, splits: SplitFile[]) {
  const parsed = parseIndex(bytes(index));
  if (!parsed.ok) throw new Error(parsed.problem);
  const result = rewriteIndex(parsed.value, folder, splits);
  return result.ok ? JSON.parse(Buffer.from(result.value).toString()) : result.problem;
}

describe('an index', () => {
  it('leads to the shards of files that were split, and is otherwise as it was', () => {
    const index = {
      metadata: { total_size: 9, note: ['kept'] },
      weight_map: { a: 'one.safetensors', x: 'two.safetensors', b: 'one.safetensors' },
      other: 1,
    };
    const parts = split('one.safetensors', { 'one-1.safetensors': ['a'], 'one-2.safetensors': ['b'] });
    expect(rewritten(index, '', [parts])).toEqual({
      metadata: { total_size: 9, note: ['kept'] },
      other: 1,
      weight_map: { a: 'one-1.safetensors', x: 'two.safetensors', b: 'one-2.safetensors' },
    });
  });

  it('in a folder names shards from there', () => {
    const parts = split('sub/one.safetensors', { 'sub/one-1.safetensors': ['a'] });
    expect(rewritten({ weight_map: { a: 'one.safetensors' } }, 'sub/', [parts])).toEqual({
      weight_map: { a: 'one-1.safetensors' },
    });
  });

  it('also names tensors that it left out, but takes none from another file', () => {
    const parts = split('one.safetensors', { 'one-1.safetensors': ['a', 'silent', 'x'] });
    const index = { weight_map: { a: 'one.safetensors', x: 'two.safetensors' } };
    expect(rewritten(index, '', [parts])).toEqual({
      weight_map: { a: 'one-1.safetensors', x: 'two.safetensors', silent: 'one-1.safetensors' },
    });
  });

  it('that names a tensor the file lacks cannot be rewritten', () => {
    const parts = split('one.safetensors', { 'one-1.safetensors': ['a'] });
    expect(rewritten({ weight_map: { lost: 'one.safetensors' } }, '', [parts])).toBe(
      'has no tensor "lost", although its index names it',
    );
  });

  it('may hold a tensor of any name', () => {
    const parts = split('one.safetensors', { 'one-1.safetensors': ['__proto__', 'constructor'] });
    const result = rewritten('{"weight_map":{"__proto__":"one.safetensors"}}', '', [parts]);
    expect(Object.entries(result.weight_map)).toEqual([
      ['__proto__', 'one-1.safetensors'],
      ['constructor', 'one-1.safetensors'],
    ]);
  });

  it.each(['', '[]', 'null', '{}', '{"weight_map":[]}', '{"weight_map":{"a":1}}', '{"weight_map":null}'])(
    'is not %j',
    (text) => {
      expect(parseIndex(bytes(text))).toMatchObject({ ok: false, problem: expect.stringContaining('weight_map') });
    },
  );

  it('is written for files that had none', () => {
    const shards = [{ path: 'b.safetensors', tensors: ['x', 'y'] }];
    expect(Buffer.from(newIndex(shards, 12)).toString()).toBe(
      `${JSON.stringify({ metadata: { total_size: 12 }, weight_map: { x: 'b.safetensors', y: 'b.safetensors' } }, null, 2)}\n`,
    );
  });
});
