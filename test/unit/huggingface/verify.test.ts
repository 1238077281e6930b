import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gitBlobSha1 } from '../../../src/huggingface/tree.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { createVerifier } from '../../../src/huggingface/verify.ts';

function fileOf(text: string, lfs: boolean): HubFile {
  const bytes = Buffer.from(text);
  const sha256 = lfs ? createHash('sha256').update(bytes).digest('hex') : null;
  return { path: 'f', size: bytes.length, sha256, oid: gitBlobSha1(text), security: null };
}

function verify(file: HubFile, chunks: string[]): void {
  const verifier = createVerifier('a/b', file);
  for (const chunk of chunks) verifier.update(Buffer.from(chunk));
  verifier.finish();
}

describe.each([
  ['sha256', true],
  ['git SHA-1', false],
])('a file with %s', (kind, lfs) => {
  it('passes however it is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (chunks) => {
        expect(() => verify(fileOf(chunks.join(''), lfs), chunks)).not.toThrow();
      }),
    );
  });

  it('is truncated one byte short, with both numbers', () => {
    expect(() => verify(fileOf('content', lfs), ['conten'])).toThrow('f of a/b broke off: 6 of 7 bytes arrived');
  });

  it('is corrupt one byte over, at once', () => {
    const verifier = createVerifier('a/b', fileOf('content', lfs));
    expect(() => verifier.update(Buffer.from('content!'))).toThrow(/more than the 7 bytes/);
  });

  it('is corrupt with one byte changed', () => {
    expect(() => verify(fileOf('content', lfs), ['contenT'])).toThrow(
      new RegExp(`f of a/b has ${kind} [0-9a-f]+ instead`),
    );
  });
});
