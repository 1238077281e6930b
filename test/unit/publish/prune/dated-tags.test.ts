import { expect, test } from 'vitest';
import { datedTags, supersededTags } from '../../../../src/publish/prune/dated-tags.ts';

const template = (text: string, immutable = false) => ({ template: text, immutable });
const superseded = (tags: string[], templates: ReturnType<typeof template>[], keep = 1) =>
  supersededTags(datedTags(tags, templates), keep)
    .map(({ tag }) => tag)
    .sort();

const NIGHTLY = template('{date}-{time}-{sha}-{variant}');

test('of each target the newest stays', () => {
  const tags = [
    '2026.01.02-0300-abcdef0-slim',
    '2026.01.02-0400-abcdef1-slim',
    '2026.01.01-0300-abcdef0-slim',
    '2026.01.01-0300-abcdef0-fat',
    'v1-slim',
    '2026.01.01-0300-notasha-slim',
  ];
  expect(superseded(tags, [NIGHTLY])).toEqual(['2026.01.01-0300-abcdef0-slim', '2026.01.02-0300-abcdef0-slim']);
  expect(superseded(tags, [NIGHTLY], 2)).toEqual(['2026.01.01-0300-abcdef0-slim']);
});

test('a further runtime is a target of its own, named by the template or not', () => {
  const tags = ['2026.01.01-slim', '2026.01.02-slim', '2026.01.01-sglang-slim', '2025.12.31-sglang-slim'];
  expect(superseded(tags, [template('{date}-{variant}')])).toEqual(['2025.12.31-sglang-slim', '2026.01.01-slim']);
  const named = ['a-2026.01.01-slim', 'b-2026.01.02-slim'];
  expect(superseded(named, [template('{runtime}-{date}-{variant}')])).toEqual([]);
});

test('templates that are immutable, or name no moment, are left alone', () => {
  const tags = ['2026.01.01-slim', '2026.01.02-slim', 'v1-slim', 'v2-slim'];
  expect(superseded(tags, [template('{date}-{variant}', true), template('{base_version}-{variant}')])).toEqual([]);
});
