import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headSize, parseHeader } from '../../../../src/image/safetensors/header.ts';
import { layerTensors, safetensorsFile } from '../../../support/safetensors/make.ts';

const head = (json: string, length = Buffer.byteLength(json)) => {
  const bytes = Buffer.alloc(8 + Buffer.byteLength(json));
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.write(json, 8);
  return bytes;
};
const problemOf = (json: string, data: number) => {
  const bytes = head(json);
  const parsed = parseHeader(bytes, bytes.length + data);
  return parsed.ok ? 'no problem' : parsed.problem;
};
const tensor = (begin: number, end: number, extra = '') =>
  `{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]${extra}}`;

describe('the head of a safetensors file', () => {
  it('gives tensors, metadata and where the data begins', () => {
    const { content, head: bytes } = safetensorsFile({ seed: 's', tensors: layerTensors(2, 1), metadata: { a: 'b' } });
    expect(headSize(bytes.subarray(0, 8), content.size)).toEqual({ ok: true, value: bytes.length });
    expect(parseHeader(bytes, content.size)).toEqual({
      ok: true,
      value: {
        metadata: { a: 'b' },
        dataStart: bytes.length,
        tensors: [
          { name: 'model.layers.0.weight', dtype: 'F32', shape: [1, 256], begin: 0, end: 1024 },
          { name: 'model.layers.1.weight', dtype: 'F32', shape: [1, 256], begin: 1024, end: 2048 },
        ],
      },
    });
  });

  it('may name a tensor or a key of its metadata as it likes', () => {
    const bytes = head(`{"__metadata__":{"__proto__":"x"},"__proto__":${tensor(0, 3)}}`);
    const parsed = parseHeader(bytes, bytes.length + 3);
    expect(parsed).toMatchObject({ ok: true, value: { tensors: [{ name: '__proto__' }] } });
    expect(parsed.ok && Object.entries(parsed.value.metadata ?? {})).toEqual([['__proto__', 'x']]);
  });

  it('may hold empty tensors, scalars, and elements smaller than a byte', () => {
    const json = `{"e":{"dtype":"F32","shape":[0,9007199254740991,9007199254740991],"data_offsets":[0,0]},"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"f":{"dtype":"F4","shape":[4],"data_offsets":[4,6]}}`;
    expect(problemOf(json, 6)).toBe('no problem');
  });

  it.each([
    ['a gap', `{"a":${tensor(0, 2)},"b":${tensor(3, 4)}}`, 4, 'gap or an overlap before the tensor "b"'],
    ['an overlap', `{"a":${tensor(0, 2)},"b":${tensor(1, 4)}}`, 4, 'gap or an overlap'],
    ['a hole at the start', `{"a":${tensor(1, 4)}}`, 4, 'gap or an overlap'],
    ['data that no tensor has', `{"a":${tensor(0, 2)}}`, 4, 'do not cover its data'],
    ['a tensor beyond the end', `{"a":${tensor(0, 5)}}`, 4, 'do not cover its data'],
    ['an unknown type', `{"a":{"dtype":"Q3","shape":[2],"data_offsets":[0,2]}}`, 2, 'another size'],
    ['a size that is not its shape', `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4, 'another size'],
    ['half a byte', `{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1, 'another size'],
    ['a shape beyond all numbers', `{"a":{"dtype":"U8","shape":[9e15,9e15],"data_offsets":[0,1]}}`, 1, 'another size'],
    ['a negative offset', `{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 0, 'does not know'],
    ['an offset beyond 2^53', `{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1e300]}}`, 1, 'does not know'],
    ['a fraction', `{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1, 'does not know'],
    ['a member more', `{"a":${tensor(0, 1, ',"x":1')}}`, 1, 'does not know'],
    ['no tensor at all', `{"a":null}`, 0, 'does not know'],
    ['metadata of numbers', `{"__metadata__":{"a":1},"b":${tensor(0, 1)}}`, 1, 'metadata'],
    ['metadata that is a list', `{"__metadata__":["a"],"b":${tensor(0, 1)}}`, 1, 'metadata'],
    ['a list', `[1]`, 0, 'no list of tensors'],
    ['white space before it', ` {}`, 0, 'no list of tensors'],
    ['half of it', `{"a":`, 0, 'not valid JSON'],
    ['deep nesting', `{"a":${'['.repeat(100_000)}`, 0, 'no list of tensors'],
    ['millions of members', `{"a":[${'0,'.repeat(2_000_001)}0]}`, 0, 'no list of tensors'],
  ])('is refused with %s', (_what, json, data, why) => {
    expect(problemOf(json, data)).toContain(why);
  });

  it.each([
    ['too few bytes', Buffer.from([1, 2]), 2, 'too short'],
    ['a length beyond the file', head('{}', 10), 10, 'shorter than its header'],
    ['a length beyond the cap', head('{}', 64 * 1024 * 1024 + 1), 1e12, 'more than 67108864 bytes'],
    ['a length of 2^64 - 1', Buffer.from('ffffffffffffffff7b7d', 'hex'), 10, 'more than'],
    ['less than was said', head('{}  ').subarray(0, 9), 100, 'another header'],
    ['bytes that are no UTF-8', Buffer.concat([head('{"a', 5), Buffer.from([0xff, 0x7d])]), 13, 'not valid JSON'],
  ])('is refused with %s', (_what, bytes, size, why) => {
    const parsed = parseHeader(bytes, size);
    expect(parsed.ok ? 'no problem' : parsed.problem).toContain(why);
  });

  it('is never a reason to throw, whatever it holds', () => {
    const { head: valid, content } = safetensorsFile({ seed: 's', tensors: layerTensors(3, 1) });
    const anyJson = fc.json().map((json) => head(json));
    const damaged = fc
      .tuple(fc.nat(valid.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }))
      .map(([at, bytes]) => Buffer.concat([valid.subarray(0, at), bytes, valid.subarray(at + bytes.length)]));
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array(), anyJson, damaged),
        fc.constantFrom(content.size, 0, 2 ** 50),
        (bytes, size) => {
          const parsed = parseHeader(bytes, size);
          if (!parsed.ok) expect(parsed.problem).not.toBe('');
        },
      ),
      { numRuns: 500 },
    );
  });
});
