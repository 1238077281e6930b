import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../src/commands/grammar.ts';

describe('commands', () => {
  test.each([
    ['/rebuild tiny', { kind: 'rebuild', shorts: ['tiny'], variant: null, experimental: false }],
    ['/rebuild tiny slim', { kind: 'rebuild', shorts: ['tiny'], variant: 'slim', experimental: false }],
    [
      '/rebuild deepseek-r1-1-5b fat',
      { kind: 'rebuild', shorts: ['deepseek-r1-1-5b'], variant: 'fat', experimental: false },
    ],
    ['/rebuild all', { kind: 'rebuild', shorts: 'all', variant: null, experimental: false }],
    [
      '  \n/rebuild   tiny\t fat  \r\nplease',
      { kind: 'rebuild', shorts: ['tiny'], variant: 'fat', experimental: false },
    ],
    ['/rebuild tiny --experimental', { kind: 'rebuild', shorts: ['tiny'], variant: null, experimental: true }],
    ['/rebuild tiny fat --experimental', { kind: 'rebuild', shorts: ['tiny'], variant: 'fat', experimental: true }],
    ['/rebuild all  --experimental', { kind: 'rebuild', shorts: 'all', variant: null, experimental: true }],
    ['/adopt', { kind: 'adopt', shorts: 'all' }],
    ['/adopt tiny', { kind: 'adopt', shorts: ['tiny'] }],
    ['/adopt tiny other', { kind: 'malformed', message: 'write `/adopt` or `/adopt <short>`' }],
    ['/help', { kind: 'help' }],
    ['/rescan', { kind: 'rescan', short: null }],
    ['/rescan tiny-1\nplease', { kind: 'rescan', short: 'tiny-1' }],
    [`/approve ${'a1'.repeat(6)}`, { kind: 'approve', sha: 'a1'.repeat(6) }],
    [`/approve ${'AB'.repeat(20)}\nlooks good`, { kind: 'approve', sha: 'ab'.repeat(20) }],
  ])('%j is understood', (body, expected) => {
    expect(parseCommand(body)).toEqual(expected);
  });

  test.each([
    '',
    'hello',
    '> /rebuild tiny',
    '    > /rebuild all',
    'please /rebuild tiny',
    'first\n/rebuild tiny',
    '`/rebuild tiny`',
    '```\n/rebuild tiny\n```',
    '/rebuilds tiny',
    '/rebuildtiny',
    '/Rebuild tiny',
    '/approved',
    '> /approve 0123456789ab',
    '/lgtm',
    '/help me',
    '@bot /rebuild tiny',
    '<!-- /rebuild tiny -->',
    '\u200B/rebuild tiny',
  ])('%j is conversation, a quote or another bot’s command', (body) => {
    expect(parseCommand(body)).toEqual({ kind: 'none' });
  });

  test.each(['/rescan Tiny', '/rescan tiny slim', `/rescan ${'a'.repeat(101)}`])('%j is malformed too', (body) => {
    expect(parseCommand(body)).toEqual({ kind: 'malformed', message: 'write `/rescan` or `/rescan <short>`' });
  });

  test.each([
    '/rebuild',
    '/rebuild Tiny',
    '/rebuild -tiny',
    '/rebuild tiny large',
    '/rebuild --experimental',
    '/rebuild --experimental tiny',
    '/rebuild tiny --Experimental',
    '/rebuild tiny --experimental --experimental',
    '/rebuild tiny slim fat',
    '/rebuild all slim',
    '/rebuild ../../etc',
    '/rebuild a;b',
    `/rebuild ${'a'.repeat(101)}`,
  ])('%j is malformed, and the answer says what to write', (body) => {
    expect(parseCommand(body)).toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('/rebuild <short>'),
    });
  });

  test.each([
    '/approve',
    '/approve 0123456789a',
    '/approve 0123456789ag',
    `/approve ${'a'.repeat(41)}`,
    '/approve 0123456789ab cdef',
    '/approve HEAD',
    '/approve #12',
  ])('%j approves nothing: the answer says what to write', (body) => {
    expect(parseCommand(body)).toMatchObject({
      kind: 'malformed',
      message: expect.stringMatching(/`\/approve <sha>` with at least 12 digits/),
    });
  });

  test('no text makes it throw, and only a first line with our name is a command', () => {
    const words = fc.constantFrom(
      '/rebuild',
      '/help',
      '/approve',
      '0123456789ab',
      'all',
      'slim',
      'fat',
      'tiny',
      '>',
      '\n',
      '\r\n',
      ' ',
      '\t',
      '\0',
      '😀',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(words).map((list) => list.join(' ')),
        ),
        (body) => {
          const parsed = parseCommand(body);
          const first = body.trimStart().split(/\r?\n/, 1)[0]?.trim() ?? '';
          if (parsed.kind !== 'none') expect(first).toMatch(/^\/(rebuild|help|approve)(\s|$)/);
          if (parsed.kind === 'rebuild' && parsed.shorts !== 'all')
            expect(parsed.shorts[0]).toMatch(/^[a-z0-9-]{1,100}$/);
          if (parsed.kind === 'approve') expect(parsed.sha).toMatch(/^[0-9a-f]{12,40}$/);
        },
      ),
    );
  });
});
