import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TAG_FIELDS } from '../../../src/catalog/tag-template.ts';
import {
  aliasRepositoryFor,
  baseVersion,
  namesOwner,
  renderTags,
  repositoryFor,
  type TagFields,
  templatesOf,
} from '../../../src/publish/tags.ts';

const move = (template: string) => ({ template, immutable: false });
const tagsOf = (templates: string[], fields: TagFields) =>
  renderTags(templates.map(move), fields).tags.map(({ tag }) => tag);

describe('rendering', () => {
  test('fills in the fields, in the order of the templates', () => {
    const fields = { base_version: 'v0.12.0', variant: 'slim', revision: 'a'.repeat(40), sha: 'aaaaaaa' };
    expect(tagsOf(['{base_version}-{variant}', 'r{revision}-{variant}', 'r{sha}-{variant}'], fields)).toEqual([
      'v0.12.0-slim',
      `r${'a'.repeat(40)}-slim`,
      'raaaaaaa-slim',
    ]);
  });

  test('a template applies only when all its fields exist', () => {
    expect(renderTags([move('pr-{pr}-{variant}'), move('{variant}')], { variant: 'fat', pr: null })).toEqual({
      tags: [{ tag: 'fat', template: '{variant}', immutable: false }],
      problems: [],
    });
    expect(tagsOf(['{branch}-{variant}'], { variant: 'fat', branch: '' })).toEqual([]);
  });

  test('a plus becomes an underscore', () => {
    expect(tagsOf(['{base_version}-{variant}'], { base_version: '0.12.0+cu129', variant: 'slim' })).toEqual([
      '0.12.0_cu129-slim',
    ]);
  });

  test('a branch keeps what a tag may hold', () => {
    expect(tagsOf(['{branch}-{variant}'], { branch: 'feat/add#login', variant: 'slim' })).toEqual([
      'feat-add-login-slim',
    ]);
  });

  test('the same tag twice is one, immutable if either is', () => {
    const templates = [move('{variant}'), { template: '{variant}', immutable: true }];
    expect(renderTags(templates, { variant: 'slim' }).tags).toEqual([
      { tag: 'slim', template: '{variant}', immutable: true },
    ]);
  });

  test.each([
    ['{foo}', { variant: 'slim' }, 'unknown field {foo}'],
    [
      '{base_version}-{variant}',
      { base_version: 'x'.repeat(124), variant: 'slim' },
      'has 129 characters, a tag at most 128',
    ],
    ['{base_version}-{variant}', { base_version: '-x', variant: 'slim' }, 'is not a tag'],
    ['{base_version}-{variant}', { base_version: 'a/b', variant: 'slim' }, 'is not a tag'],
  ])('%s with %o is a problem', (template, fields, message) => {
    expect(renderTags([move(template)], fields)).toEqual({ tags: [], problems: [expect.stringContaining(message)] });
  });

  test('whatever the fields, every tag follows the grammar, and none is lost in silence', () => {
    const text = fc.option(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9._+-]{0,90}$/)), { nil: null });
    const fields = fc.record(Object.fromEntries(TAG_FIELDS.map((field) => [field, text])), { requiredKeys: [] });
    const template = fc
      .array(
        fc.oneof(fc.constantFrom(...TAG_FIELDS.map((field) => `{${field}}`)), fc.constantFrom('-', '.', 'r', '+')),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(template, { maxLength: 5 }), fields, (templates, values) => {
        const { tags, problems } = renderTags(templates.map(move), values);
        for (const { tag } of tags) expect(tag).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
        expect(new Set(tags.map(({ tag }) => tag)).size).toBe(tags.length);
        expect(tags.length + problems.length).toBeLessThanOrEqual(templates.length);
      }),
    );
  });
});

test('the immutable tag of the inputs comes last, unless it is switched off', () => {
  const tags = [move('{variant}')];
  expect(templatesOf({ tags, inputsTag: true })).toEqual([
    ...tags,
    { template: 'i{inputs}-{variant}', immutable: true },
  ]);
  expect(templatesOf({ tags, inputsTag: false })).toEqual(tags);
});

describe('repositories', () => {
  test('are the prefix and hf- with the short name, in lower case', () => {
    expect(repositoryFor('ghcr.io/{owner}', 'gpt2', { owner: 'Acme-Inc' })).toBe('ghcr.io/acme-inc/hf-gpt2');
    expect(repositoryFor('ghcr.io/{owner}/', 'x', { owner: 'a' })).toBe('ghcr.io/a/hf-x');
  });

  test('the suffix of a branch belongs to the namespace', () => {
    const prefix = 'quay.io/{owner}{namespace_suffix}';
    expect(repositoryFor(prefix, 'x', { owner: 'LabNow', namespaceSuffix: '0feat' })).toBe('quay.io/labnow0feat/hf-x');
    expect(repositoryFor(prefix, 'x', { owner: 'LabNow' })).toBe('quay.io/labnow/hf-x');
  });

  test('an unknown owner stays literally', () => {
    expect(repositoryFor('ghcr.io/{owner}', 'x', { owner: null })).toBe('ghcr.io/{owner}/hf-x');
    expect(namesOwner('ghcr.io/{owner}')).toBe(true);
    expect(namesOwner('ghcr.io/acme')).toBe(false);
  });

  test('an alias keeps hf-, written or not', () => {
    expect(aliasRepositoryFor('ghcr.io/a', 'other', { owner: null })).toBe('ghcr.io/a/hf-other');
    expect(aliasRepositoryFor('ghcr.io/a', 'hf-other', { owner: null })).toBe('ghcr.io/a/hf-other');
  });
});

describe('base version', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  test.each([
    ['vllm/vllm-openai:v0.12.0', null, null, 'v0.12.0'],
    ['vllm/vllm-openai:v0.12.0', '1', '2', 'v0.12.0'],
    [`vllm/vllm-openai:v0.12.0@${digest}`, '1', '2', 'v0.12.0'],
    [`vllm/vllm-openai@${digest}`, '1', '2', '1'],
    [`vllm/vllm-openai@${digest}`, null, '2', '2'],
    [`vllm/vllm-openai@${digest}`, '', '', null],
    [`localhost:5000/vllm@${digest}`, null, null, null],
    ['localhost:5000/vllm', null, null, 'latest'],
    ['localhost:5000/vllm:1', null, null, '1'],
  ])('%s, %s, %s → %s', (reference, explicit, label, version) => {
    expect(baseVersion(reference, explicit, label)).toBe(version);
  });
});
