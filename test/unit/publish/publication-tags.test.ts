import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namespaceSuffix } from '../../../src/publish/namespace-suffix.ts';
import { furtherTags, previewTags, publicationTags, type TaggedTarget } from '../../../src/publish/publication-tags.ts';
import { releaseFields, timeFields } from '../../../src/publish/tag-fields.ts';
import type { TagFields } from '../../../src/publish/tags.ts';

const REVISION = '0123456789abcdef0123456789abcdef01234567';
const FOUNDING = ['{base_version}-{variant}', 'r{revision}-{variant}'];

function targets(...runtimes: [name: string, version: string][]): TaggedTarget[] {
  return runtimes.flatMap(([runtime, version], at) =>
    (['slim', 'fat'] as const).map((variant, index) => ({
      runtime,
      variant,
      version,
      revision: REVISION,
      inputs: `${at}${index}`.padEnd(64, 'f'),
    })),
  );
}

function tagsOf(templates: string[], list: TaggedTarget[], fields: TagFields = {}, inputsTag = false): string[][] {
  const settings = { tags: templates.map((template) => ({ template, immutable: false })), inputsTag };
  const model = { runtimes: [...new Set(list.map(({ runtime }) => runtime))] };
  return publicationTags({ targets: list, model, settings, fields }).map(({ tags }) => tags.map(({ tag }) => tag));
}

const ONE = targets(['vllm', 'v0.12.0']);
const slim = (templates: string[], fields: TagFields = {}) => tagsOf(templates, ONE, fields)[0];

describe('the tags of a publication', () => {
  it('have the immutable one of the inputs key first, unless it is switched off', () => {
    expect(tagsOf(FOUNDING, ONE, {}, true)).toEqual([
      ['i00ffffffffff-slim', `r${REVISION}-slim`, 'v0.12.0-slim'],
      ['i01ffffffffff-fat', `r${REVISION}-fat`, 'v0.12.0-fat'],
    ]);
    expect(tagsOf(FOUNDING, ONE)[0]).toEqual([`r${REVISION}-slim`, 'v0.12.0-slim']);
  });

  it('end with latest, and it is there only when asked for', () => {
    expect(slim(['latest-{variant}', ...FOUNDING])?.at(-1)).toBe('latest-slim');
    expect(slim(FOUNDING)?.join()).not.toContain('latest');
  });

  it('of a release are its version, down to the major', () => {
    const templates = ['{major}-{variant}', '{major}.{minor}-{variant}', '{release}-{variant}'];
    expect(slim(templates, releaseFields('v1.2.3'))).toEqual(['1.2.3-slim', '1.2-slim', '1-slim']);
    expect(slim(templates, releaseFields('v1.3.0-rc.1'))).toEqual(['1.3.0-rc.1-slim']);
    expect(slim(templates)).toEqual([]);
  });

  it('of a release are named after the variant and the runtime, as in {tag}-cuda and latest-cuda', () => {
    const templates = ['{release}-{runtime}-{variant}', 'latest-{runtime}-{variant}'];
    expect(tagsOf(templates, targets(['cuda', 'v1']), releaseFields('v2.0.0'))[0]).toEqual([
      '2.0.0-cuda-slim',
      'latest-cuda-slim',
    ]);
  });

  it('can name the commit, and its time in UTC', () => {
    const fields = timeFields(Date.UTC(2026, 10, 5, 9, 7));
    expect(slim(['sha-{sha}-{variant}', '{date}.{time}-{sha}-{variant}'], fields)).toEqual([
      '2026.11.05.0907-0123456-slim',
      'sha-0123456-slim',
    ]);
  });

  it('of a branch exist where there is one', () => {
    expect(slim(['{branch}-{variant}'], { branch: 'feat/login' })).toEqual(['feat-login-slim']);
    expect(slim(['{branch}-{variant}'])).toEqual([]);
  });

  it('never take a name that stands for something else', () => {
    const settings = { tags: [{ template: 'pr-{major}-{variant}', immutable: false }], inputsTag: false };
    const options = { targets: ONE, model: { runtimes: ['vllm'] }, settings, fields: { major: '7' } };
    const [rendered] = publicationTags(options);
    expect(rendered).toEqual({ tags: [], problems: [expect.stringContaining('pr-7-slim is a name that stands')] });
    for (const template of ['publisher-owner', `sha256-${'a'.repeat(64)}.sig`, `i${'a'.repeat(12)}-slim`]) {
      const [further] = furtherTags([template], { targets: ONE.slice(0, 1), model: { runtimes: ['vllm'] } });
      expect([further?.tags, further?.problems.length]).toEqual([[], 1]);
    }
  });

  it('never take over one that does not move: neither by a template nor by the name of a release', () => {
    expect(slim([`i${'a'.repeat(12)}-{variant}`])).toEqual([]);
    expect(slim(['{release}-{variant}'], releaseFields(`i${'a'.repeat(12)}`))).toEqual([]);
    expect(slim(['i{inputs}-{variant}'])).toEqual(['i00ffffffffff-slim']);
  });

  it('that were asked for besides are rendered over what is published alone', () => {
    const model = { runtimes: ['vllm'] };
    expect(furtherTags(['mine'], { targets: ONE.slice(0, 1), model })[0]?.tags.map(({ tag }) => tag)).toEqual(['mine']);
    expect(furtherTags(['mine'], { targets: ONE, model })[0]?.problems[0]).toContain('would name several targets');
    expect(furtherTags(['mine-{variant}'], { targets: ONE, model }).map(({ tags }) => tags[0]?.tag)).toEqual([
      'mine-slim',
      'mine-fat',
    ]);
  });

  it('of the first runtime are never renamed by another', () => {
    const runtimes = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('v1', 'v2', 'v3')), {
      minLength: 1,
      selector: ([name]) => name,
    });
    const template = fc.constantFrom(...FOUNDING, '{runtime}-{variant}', 'latest-{variant}', '{date}-{sha}-{variant}');
    fc.assert(
      fc.property(runtimes, fc.uniqueArray(template), fc.boolean(), (list, templates, inputsTag) => {
        const [first = ['a', 'v1']] = list;
        const fields = { date: '2026.01.02' };
        const all = tagsOf(templates, targets(...list), fields, inputsTag);
        expect(all.slice(0, 2)).toEqual(tagsOf(templates, targets(first), fields, inputsTag));
        expect(new Set(all.flat()).size).toBe(all.flat().length);
      }),
    );
  });
});

describe('previews', () => {
  it('are one tag a target, with the runtime where there are several', () => {
    expect(previewTags(ONE, 7)).toEqual(['pr-7-slim', 'pr-7-fat']);
    expect(previewTags(targets(['vllm', 'v1'], ['sglang', 'v2']), 123)).toEqual([
      'pr-123-slim',
      'pr-123-fat',
      'pr-123-sglang-slim',
      'pr-123-sglang-fat',
    ]);
    expect(previewTags([], 1)).toEqual([]);
  });
});

describe('the suffix of a namespace', () => {
  it.each([
    ['main', ''],
    [null, ''],
    ['', ''],
    ['feat/login', '0feat'],
    ['feat/add-login', '0feat'],
    ['Fix_It', '0fixit'],
    ['///', ''],
  ])('of branch %s is "%s"', (branch, suffix) => {
    expect(namespaceSuffix(branch, 'main')).toBe(suffix);
  });

  it('is none on a default branch of another name', () => {
    expect([namespaceSuffix('trunk', 'trunk'), namespaceSuffix('main', 'trunk')]).toEqual(['', '0main']);
  });
});
