import { expect, test } from 'vitest';
import { releaseTemplates } from '../../../../src/publish/release/release-tags.ts';
import { releaseFields } from '../../../../src/publish/tag-fields.ts';
import { renderTags } from '../../../../src/publish/tags.ts';

const tagsOf = (tag: string, { latest = false, catalog = [] as string[], earlier = [] as string[] } = {}) => {
  const own = catalog.map((template) => ({ template, immutable: false }));
  const templates = releaseTemplates({ tag, latest }, own, earlier);
  return renderTags(templates, { ...releaseFields(tag), variant: 'slim', base_version: 'v9' }).tags.map(
    (one) => one.tag,
  );
};

test.each([
  ['v1.2.3', ['1.2.3-slim', '1.2-slim', '1-slim']],
  ['1.2.3', ['1.2.3-slim', '1.2-slim', '1-slim']],
  ['v1.2.3-rc.1', ['1.2.3-rc.1-slim']],
  ['v1.2.3+build.5', ['1.2.3_build.5-slim', '1.2-slim', '1-slim']],
  ['test', ['test-slim']],
  ['v2', ['2-slim']],
])('release %s gives %j', (tag, tags) => {
  expect(tagsOf(tag)).toEqual(tags);
});

test('latest only when it is asked for', () => {
  expect(tagsOf('v1.0.0').some((tag) => tag.includes('latest'))).toBe(false);
  expect(tagsOf('v1.0.0', { latest: true })).toContain('latest-slim');
});

test('of the catalog’s templates, those that name a release apply, and no others', () => {
  const catalog = ['{base_version}-{variant}', 'rel-{release}-{variant}', 'p{patch}-{variant}'];
  expect(tagsOf('v1.2.3', { catalog })).toEqual(['1.2.3-slim', '1.2-slim', '1-slim', 'rel-1.2.3-slim', 'p3-slim']);
  expect(tagsOf('test', { catalog })).toEqual(['test-slim', 'rel-test-slim']);
});

test.each([
  ['v1.1.5', ['v1.2.0'], ['1.1.5-slim', '1.1-slim']],
  ['v1.2.1', ['v1.2.0', 'v1.1.9'], ['1.2.1-slim', '1.2-slim', '1-slim']],
  ['v1.2.1', ['v1.2.2'], ['1.2.1-slim']],
  ['v1.9.0', ['v2.0.0'], ['1.9.0-slim', '1.9-slim', '1-slim']],
  ['v1.2.0', ['v1.3.0-rc.1', 'test'], ['1.2.0-slim', '1.2-slim', '1-slim']],
])('release %s after %j moves only what it is the newest of', (tag, earlier, tags) => {
  expect(tagsOf(tag, { earlier })).toEqual(tags);
});
