import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, stripUrls } from '../../../src/http/redact.ts';

const SECRET = 'hf_s3cr3t/With+Odd=Chars&é';

describe('createRedactor', () => {
  const redact = createRedactor([SECRET, 'p@ssword:x', '']);

  it.each([
    ['plain', SECRET],
    ['URL-encoded', encodeURIComponent(SECRET)],
    ['JSON-escaped', JSON.stringify({ token: SECRET })],
    ['base64', Buffer.from(SECRET).toString('base64')],
    ['base64url', Buffer.from(SECRET).toString('base64url')],
    ['basic credentials', `Basic ${Buffer.from(`someone:${SECRET}`).toString('base64')}`],
    ['user information', `https://me:${encodeURIComponent(SECRET)}@registry.test/v2/`],
  ])('masks it %s', (_form, text) => {
    const result = redact(`before ${text} after`);
    expect(result).toMatch(/^before .* after$/);
    expect(result).not.toContain(SECRET);
    expect(result).not.toContain(encodeURIComponent(SECRET));
    for (const encoding of ['base64', 'base64url'] as const) {
      expect(result).not.toContain(Buffer.from(SECRET).toString(encoding).slice(4, -4));
    }
  });

  it('masks what is left of it where a message was cut, and no word that only begins like it', () => {
    const [secret, encoded] = ['a-long-secret-of-ours', Buffer.from('a-long-secret-of-ours').toString('base64')];
    const long = createRedactor([secret]);
    for (let length = 12; length < secret.length; length++) {
      expect(long(`it said ${secret.slice(0, length)}… and so on`)).toBe('it said [redacted]… and so on');
      expect(long(`(${encoded.slice(0, length)})`)).toBe('([redacted])');
    }
    expect(long('a-long-secretary, a-long-secret-off')).toBe('a-long-secretary, a-long-secret-off');
  });

  it('masks it behind any user name in basic credentials', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 12 }), (user) => {
        const result = redact(Buffer.from(`${user}:${SECRET}`).toString('base64'));
        expect(Buffer.from(result.replaceAll('[redacted]', ''), 'base64').toString()).not.toContain(
          SECRET.slice(2, -2),
        );
        expect(result).toContain('[redacted]');
      }),
    );
  });

  it('masks a private key line by line', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----\n';
    const result = createRedactor([key])(`log: AoIBAQC7VJTUt9Us8cKj and ${JSON.stringify(key)}`);
    expect(result).not.toMatch(/AoIBAQ|MIIEv/);
  });

  it('leaves ordinary text alone, whatever short secrets it is given', () => {
    expect(createRedactor(['a', '', 'abc'])('abc banana')).toBe('abc banana');
  });
});

describe('stripUrls', () => {
  it.each([
    ['https://cdn.test/f?X-Amz-Signature=abc&y=1', 'https://cdn.test/f'],
    ['postgres://me:pass@db:5432/x', 'postgres://db:5432/x'],
    ['see (https://h.test/a?b=c), please', 'see (https://h.test/a), please'],
    ['https://h.test/a@b', 'https://h.test/a@b'],
    ['https://a@b@h.test/', 'https://h.test/'],
    ['https://h.test?x=1 and http://i.test/', 'https://h.test and http://i.test/'],
    ['no url? no change', 'no url? no change'],
  ])('%s → %s', (text, expected) => {
    expect(stripUrls(text)).toBe(expected);
  });
});
