import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, type Content, fixed, gitOidOf, joined, seeded, sha256Of } from '../../support/hub/content.ts';
import { safetensors } from '../../support/hub/tiny.ts';

const MIB = 1024 * 1024;

function sliceOf(content: Content, start: number, end: number): Buffer {
  return Buffer.concat([...content.slice(start, end)]);
}

describe('content', () => {
  it('made from a seed is the same bytes every time, and others for another seed', () => {
    expect(sha256Of(seeded('a', 3000))).toBe(sha256Of(seeded('a', 3000)));
    expect(sha256Of(seeded('a', 3000))).not.toBe(sha256Of(seeded('b', 3000)));
  });

  it('gives for any range what the whole has there', () => {
    const whole = joined(fixed('head'), seeded('x', 2 * MIB + 100), fixed(''), seeded('y', 50));
    const bytes = bytesOf(whole);
    expect(bytes.length).toBe(whole.size);
    const point = fc.integer({ min: 0, max: whole.size });
    fc.assert(
      fc.property(point, point, (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(sliceOf(whole, start, end).equals(bytes.subarray(start, end))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('of a gigabyte is not made before it is read', () => {
    const [first] = seeded('big', 1024 * MIB).slice(1023 * MIB, 1024 * MIB);
    expect(first?.length).toBe(MIB);
  });

  it('is hashed as sha256 and as git does', () => {
    expect(sha256Of(fixed('hello\n'))).toBe(createHash('sha256').update('hello\n').digest('hex'));
    expect(gitOidOf(fixed('hello\n'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });

  it('of a safetensors file has a header that describes its data', () => {
    const bytes = bytesOf(safetensors('s', 'w', 1000));
    const length = Number(bytes.readBigUInt64LE(0));
    const { w } = JSON.parse(bytes.subarray(8, 8 + length).toString());
    expect(length % 8).toBe(0);
    expect(w.data_offsets).toEqual([0, w.shape[0] * w.shape[1] * 2]);
    expect(bytes.length).toBe(8 + length + w.data_offsets[1]);
  });
});
