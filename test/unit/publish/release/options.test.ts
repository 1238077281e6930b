import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCommand } from '../../../../src/commands/grammar.ts';
import { parseRelease } from '../../../../src/publish/release/options.ts';

const plain = { latest: false, experimental: false, set: [] };

test.each([
  ['/release v1.2.0', { tag: 'v1.2.0', ...plain }],
  ['/release test --latest', { tag: 'test', ...plain, latest: true }],
  [
    '/release v2.0.0-rc.1 --experimental --set VLLM_VERSION=0.12.0 --latest --set LLAMA_SERVER_VERSION=b1+2\nplease',
    {
      tag: 'v2.0.0-rc.1',
      latest: true,
      experimental: true,
      set: ['VLLM_VERSION=0.12.0', 'LLAMA_SERVER_VERSION=b1+2'],
    },
  ],
])('%j is a release', (body, options) => {
  expect(parseCommand(body)).toEqual({ kind: 'release', options });
});

test.each([
  ['/release', '/release <tag>'],
  ['/release --latest', '/release <tag>'],
  ['/release v1 v2', '/release <tag>'],
  ['/release v1 --newest', '/release <tag>'],
  ['/release v1 --set', 'ARG=VALUE'],
  ['/release v1 --set VLLM_VERSION', 'ARG=VALUE'],
  ['/release v1 --set VLLM_VERSION=-x', 'ARG=VALUE'],
  ['/release v1 --set VLLM_VERSION=$(id)', 'ARG=VALUE'],
  [`/release v1 --set A=${'1'.repeat(65)}`, 'ARG=VALUE'],
  [`/release ${'v'.repeat(65)}`, 'no name of a release'],
  ['/release models/v1', 'no name of a release'],
  ['/release latest', 'stands for something else'],
  ['/release pr-7', 'stands for something else'],
  ['/release publisher-owner', 'stands for something else'],
  ['/release b0123456789ab-cuda', 'stands for something else'],
])('%j is malformed, and says what to write', (body, part) => {
  expect(parseCommand(body)).toMatchObject({ kind: 'malformed', message: expect.stringContaining(part) });
});

test('a value outside the grammar never gets through', () => {
  const safe = /^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9][A-Za-z0-9._+-]*$/;
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseRelease(['v1', '--set', text]);
      expect(parsed.ok ? parsed.options.set.every((setting) => safe.test(setting)) : true).toBe(true);
    }),
  );
});
