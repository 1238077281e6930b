import { describe, expect, test } from 'vitest';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import { entryHash } from '../../../src/publish/entry-hash.ts';

const OPERATOR = {
  owner: 'acme',
  scan: 'required',
  repositories: ['ghcr.io/acme/hf-a'],
  mirrors: [],
  maxImageBytes: 500e9,
} as const;

function hashOf(lines: string[], short = 'a', operator: Parameters<typeof entryHash>[2] = OPERATOR): string {
  const parsed = parseCatalog(lines.join('\n'));
  if (!parsed.valid) throw new Error(JSON.stringify(parsed.problems));
  const model = parsed.catalog.models.find((candidate) => candidate.short === short);
  if (model === undefined) throw new Error(`no model ${short}`);
  return entryHash(parsed.catalog, model, operator);
}

const defaults = (...lines: string[]) => [
  'defaults:',
  '  base_image: "org/base:v1"',
  ...lines.map((one) => `  ${one}`),
];
const model = (short: string, ...lines: string[]) => [
  `  - {id: "org/${short}", short: "${short}"${lines.map((one) => `, ${one}`).join('')}}`,
];
const ONE = [...defaults(), 'models:', ...model('a')];

describe('the hash of an entry', () => {
  test('is the same whatever is beside it: other models, comments, where it stands, the schedule', () => {
    expect(hashOf(['# hello', ...ONE, ...model('b')])).toBe(hashOf(ONE));
    expect(hashOf([...defaults(), 'models:', ...model('b'), ...model('a')])).toBe(hashOf(ONE));
    expect(hashOf([...defaults('schedule: "0 4 * * *"'), 'models:', ...model('a')])).toBe(hashOf(ONE));
  });

  test('is another where the model, a setting or its runtime is', () => {
    const others = [
      [...defaults(), 'models:', ...model('a', 'serve_args: ["--x"]')],
      [...defaults('tags: ["{revision}-{variant}"]'), 'models:', ...model('a')],
      [...defaults('limits: {fat_max_bytes: 1GB}'), 'models:', ...model('a')],
      ['defaults:', '  base_image: "org/base:v2"', 'models:', ...model('a')],
    ];
    expect(new Set([ONE, ...others].map((lines) => hashOf(lines))).size).toBe(others.length + 1);
  });

  test('is another where the operator decides otherwise', () => {
    expect(hashOf(ONE, 'a', { ...OPERATOR, scan: 'optional' })).not.toBe(hashOf(ONE));
    expect(hashOf(ONE, 'a', { ...OPERATOR, repositories: [] })).not.toBe(hashOf(ONE));
    expect(hashOf(ONE, 'a', { ...OPERATOR, mirrors: ['mirror.test/acme/hf-a'] })).not.toBe(hashOf(ONE));
    expect(hashOf(ONE, 'a', { ...OPERATOR, maxImageBytes: 1 })).not.toBe(hashOf(ONE));
  });
});
