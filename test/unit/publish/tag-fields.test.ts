import { expect, test } from 'vitest';
import { inputsFields, releaseFields, revisionFields, timeFields } from '../../../src/publish/tag-fields.ts';

test('a commit gives its 40 digits and its first 7', () => {
  const revision = '0123456789abcdef0123456789abcdef01234567';
  expect(revisionFields(revision)).toEqual({ revision, sha: '0123456' });
});

test('an inputs key gives its first 12 digits', () => {
  expect(inputsFields('0123456789abcdef'.repeat(4))).toEqual({ inputs: '0123456789ab' });
});

test('a moment is told in UTC', () => {
  expect(timeFields(Date.UTC(2026, 0, 2, 3, 4, 5))).toEqual({ date: '2026.01.02', time: '0304' });
});

test.each([
  ['v1.2.3', { release: '1.2.3', major: '1', minor: '2', patch: '3' }],
  ['1.2.3+build', { release: '1.2.3+build', major: '1', minor: '2', patch: '3' }],
  ['v1.2.3-rc.1', { release: '1.2.3-rc.1' }],
  ['2026-spring', { release: '2026-spring' }],
  ['vision', { release: 'vision' }],
])('release %s', (tag, fields) => {
  expect(releaseFields(tag)).toEqual(fields);
});
