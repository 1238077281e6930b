import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderTargets, type TagTarget } from '../../../src/publish/target-tags.ts';

const move = (template: string) => ({ template, immutable: false });
const FOUNDING = [move('{base_version}-{variant}'), move('r{revision}-{variant}')];

function targets(...runtimes: [name: string, baseVersion: string][]): TagTarget[] {
  return runtimes.flatMap(([runtime, base_version], index) =>
    (['slim', 'fat'] as const).map((variant) => ({
      runtime,
      variant,
      first: index === 0,
      fields: { runtime, variant, base_version, revision: 'abc' },
    })),
  );
}

const tagsOf = (templates: { template: string; immutable: boolean }[], list: TagTarget[]) =>
  renderTargets(templates, list).map(({ tags }) => tags.map(({ tag }) => tag));

describe('several runtimes', () => {
  test('one alone needs no name in its tags', () => {
    expect(tagsOf(FOUNDING, targets(['vllm', 'v1']))).toEqual([
      ['v1-slim', 'rabc-slim'],
      ['v1-fat', 'rabc-fat'],
    ]);
  });

  test('only where a tag would name two targets, all but the first get theirs before the variant', () => {
    expect(tagsOf(FOUNDING, targets(['vllm', 'v1'], ['sglang', 'v2']))).toEqual([
      ['v1-slim', 'rabc-slim'],
      ['v1-fat', 'rabc-fat'],
      ['v2-slim', 'rabc-sglang-slim'],
      ['v2-fat', 'rabc-sglang-fat'],
    ]);
  });

  test('further ones that meet only each other are named too', () => {
    expect(tagsOf([move('{base_version}-{variant}')], targets(['a', 'v1'], ['b', 'v2'], ['c', 'v2']))).toEqual([
      ['v1-slim'],
      ['v1-fat'],
      ['v2-b-slim'],
      ['v2-b-fat'],
      ['v2-c-slim'],
      ['v2-c-fat'],
    ]);
  });

  test.each([
    ['{variant}', 'sglang-slim'],
    ['{variant}-r{revision}', 'sglang-slim-rabc'],
    ['x_{variant}', 'x_-sglang-slim'],
    ['{revision}{variant}', 'abc-sglang-slim'],
  ])('in %s the name goes before the variant: %s', (template, tag) => {
    expect(tagsOf([move(template)], targets(['vllm', 'v1'], ['sglang', 'v1']))[2]).toEqual([tag]);
  });

  test('a template that names {runtime} needs nothing', () => {
    expect(tagsOf([move('{runtime}-{variant}')], targets(['vllm', 'v1'], ['sglang', 'v1'])).flat()).toEqual([
      'vllm-slim',
      'vllm-fat',
      'sglang-slim',
      'sglang-fat',
    ]);
  });
});

test('a tag that slim and fat would share is a problem of both, and neither gets it', () => {
  const [slim, fat] = renderTargets([move('latest')], targets(['vllm', 'v1']));
  const problems = [expect.stringContaining('latest would name several targets; put {variant} in it')];
  expect(slim).toEqual({ tags: [], problems });
  expect(fat).toEqual({ tags: [], problems });
});

describe('whatever the runtimes', () => {
  const versions = fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('v1', 'v2')), {
    minLength: 1,
    selector: ([name]) => name,
  });

  test('no tag names two targets and none is left without', () => {
    fc.assert(
      fc.property(versions, (runtimes) => {
        const tags = tagsOf(FOUNDING, targets(...runtimes));
        expect(new Set(tags.flat()).size).toBe(tags.flat().length);
        for (const list of tags) expect(list).toHaveLength(2);
      }),
    );
  });

  test('a further one never renames the first one’s tags', () => {
    fc.assert(
      fc.property(versions, (runtimes) => {
        const [first = ['a', 'v1']] = runtimes;
        expect(tagsOf(FOUNDING, targets(...runtimes)).slice(0, 2)).toEqual(tagsOf(FOUNDING, targets(first)));
      }),
    );
  });
});
