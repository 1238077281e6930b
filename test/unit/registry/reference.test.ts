import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { apiHost, apiOrigin, formatReference, isLoopback, parseReference } from '../../../src/registry/reference.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

describe('parseReference', () => {
  it.each([
    ['ubuntu', 'docker.io/library/ubuntu'],
    ['ubuntu:24.04', 'docker.io/library/ubuntu:24.04'],
    ['vllm/vllm-openai:v0.12.0', 'docker.io/vllm/vllm-openai:v0.12.0'],
    ['docker.io/ubuntu', 'docker.io/library/ubuntu'],
    ['index.docker.io/ubuntu', 'docker.io/library/ubuntu'],
    ['registry-1.docker.io/acme/x', 'docker.io/acme/x'],
    ['INDEX.Docker.IO/acme/x', 'docker.io/acme/x'],
    ['GHCR.io/acme/x', 'ghcr.io/acme/x'],
    ['localhost/x', 'localhost/x'],
    ['localhost:5000/x:1', 'localhost:5000/x:1'],
    ['[::1]:5000/x', '[::1]:5000/x'],
    ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c'],
    ['registry/x', 'docker.io/registry/x'],
    [`ghcr.io/acme/x:v1@${DIGEST}`, `ghcr.io/acme/x:v1@${DIGEST}`],
    [`ghcr.io/acme/x@${DIGEST}`, `ghcr.io/acme/x@${DIGEST}`],
    ['ghcr.io/a__b/c---d/e.f_g', 'ghcr.io/a__b/c---d/e.f_g'],
  ])('reads %s as %s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
  });

  it.each([
    '',
    ' ',
    'Ubuntu',
    'ghcr.io/Acme/x',
    'ghcr.io/acme/x:',
    'ghcr.io/acme/x:-v1',
    `ghcr.io/acme/x:${'t'.repeat(129)}`,
    'ghcr.io/acme/x@sha256:123',
    `ghcr.io/acme/x@sha256:${'A1'.repeat(32)}`,
    `ghcr.io/acme/x@sha512:${'a1'.repeat(64)}`,
    `ghcr.io/acme/x@${DIGEST}@${DIGEST}`,
    'ghcr.io/',
    'ghcr.io//x',
    '/x',
    'ghcr.io/../etc',
    'ghcr.io/acme/..',
    'ghcr.io/acme%2fevil/x',
    'ghcr.io/acme/x?tag=1',
    'ghcr.io/acme/x#y',
    'ghcr.io/acme/x\n',
    'https://ghcr.io/acme/x',
    'user@ghcr.io/acme/x',
    'user:pass@ghcr.io/acme/x',
    'ghcr.io:0/acme/x',
    'ghcr.io:99999/acme/x',
    'ghcr.io:443:80/acme/x',
    'ghcr.io./acme/x',
    '-ghcr.io/acme/x',
    '0x7f.1/acme/x',
    '127.1/acme/x',
    '2130706433:80/x',
    '[::1/x',
    '[::0001]:80/x',
    'docker.io:8443/../x',
    'index.docker.io:8443/acme/x',
    'ghcr\u200b.io/acme/x',
    'ɡhcr.io/acme/x',
    'a'.repeat(64),
    `ghcr.io/${'a/'.repeat(200)}x`,
    'x'.repeat(5000),
  ])('refuses %j', (text) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  it('accepts 64 hexadecimal digits as a name only under a namespace', () => {
    expect(parseReference(`acme/${'a'.repeat(64)}`).repository).toBe(`acme/${'a'.repeat(64)}`);
  });

  it('never fails with anything but a usage error, in a message of bounded length', () => {
    const alphabet = fc.constantFrom(...'aZ09./:@-_[]%\n é', 'sha256:', 'docker.io', '//', '..');
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.array(alphabet).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        try {
          parseReference(input);
        } catch (error) {
          if (!(error instanceof PublisherError) || error.code !== 'usage') throw error;
          expect(error.message.length).toBeLessThan(500);
          expect(error.message).toMatch(/^[\x20-\x7e…]*$/);
        }
      }),
    );
  });

  it('is undone by formatReference', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,8}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
    const registry = fc.constantFrom(
      'docker.io',
      'ghcr.io',
      'localhost:5000',
      'localhost',
      '127.0.0.1:1',
      '[::1]:5000',
      'a-b.example:65535',
    );
    const tag = fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/));
    const digest = fc.option(fc.constant(`sha256:${'0f'.repeat(32)}` as const));
    const reference = fc.record({
      registry,
      repository: fc.array(word, { minLength: 2, maxLength: 4 }).map((words) => words.join('/')),
      tag,
      digest,
    });
    fc.assert(
      fc.property(reference, (value) => {
        expect(parseReference(formatReference(value))).toEqual(value);
      }),
    );
  });

  it('gives the same again when its own text is parsed again', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9.:/-]{1,40}$/), (text) => {
        let first: ReturnType<typeof parseReference>;
        try {
          first = parseReference(text);
        } catch {
          return;
        }
        expect(parseReference(formatReference(first))).toEqual(first);
      }),
    );
  });
});

describe('where a registry is', () => {
  it('speaks http to loopback only', () => {
    expect(apiOrigin('docker.io')).toBe('https://registry-1.docker.io');
    expect(apiOrigin('ghcr.io')).toBe('https://ghcr.io');
    expect(apiOrigin('127.0.0.1:5000')).toBe('http://127.0.0.1:5000');
    expect(apiOrigin('[::1]:5000')).toBe('http://[::1]:5000');
    expect(apiHost('quay.io')).toBe('quay.io');
  });

  it.each(['localhost.evil.example', '127.0.0.1.evil.example', '128.0.0.1', 'localhost.', '10.0.0.1:5000'])(
    'does not take %s for loopback',
    (registry) => expect(isLoopback(registry)).toBe(false),
  );
});
