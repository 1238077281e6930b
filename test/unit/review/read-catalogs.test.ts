import { describe, expect, test } from 'vitest';
import type { FileResult } from '../../../src/github/types.ts';
import { currentAgainst, readCatalogs } from '../../../src/review/read-catalogs.ts';
import { createFakeGitHub } from '../../support/github/index.ts';

const repo = { owner: 'acme', name: 'models' };
const [fork, base, head, release] = ['1'.repeat(40), '2'.repeat(40), '3'.repeat(40), '4'.repeat(40)];
const VALID = 'models:\n  - {id: acme/one, short: one}\n';
const BROKEN = 'models: {}\n';
const MOVED = `${VALID}  - {id: acme/moved, short: moved-on}\n`;
const file = (text: string): FileResult => ({ kind: 'file', text, bytes: Buffer.byteLength(text) });
const symlink: FileResult = { kind: 'invalid', reason: 'it is a symbolic link' };

type Given = FileResult | string | null;
const files = (given: Given): Record<string, FileResult> =>
  given === null ? {} : { 'models.yaml': typeof given === 'string' ? file(given) : given };

interface Branches {
  before: Given;
  after: Given;
  /** On the target branch now; default: as at the merge base, which the branch has then not left. */
  current?: Given;
  /** On the default branch, where that is not the target. */
  trusted?: Given;
}

function arrange({ before, after, current, trusted }: Branches) {
  const github = createFakeGitHub();
  github.addCommit(fork, files(before));
  github.addCommit(base, files(current === undefined ? before : current));
  github.addCommit(head, files(after));
  const target = trusted === undefined ? 'main' : 'release';
  github.setBranch(target, current === undefined ? fork : base);
  if (trusted !== undefined) {
    github.addCommit(release, files(trusted));
    github.setBranch('main', release);
  }
  github.setMergeBase(current === undefined ? fork : base, head, fork);
  // The payload's base is older than the branch: it is not asked.
  const pull = github.addPullRequest({ number: 7, headSha: head, baseSha: 'f'.repeat(40), baseRef: target });
  return { github, pull };
}

function read(branches: Branches) {
  const { github, pull } = arrange(branches);
  return readCatalogs(github, repo, pull);
}

async function planned(branches: Branches) {
  const catalogs = await read(branches);
  if (catalogs.kind !== 'planned') throw new Error(`${catalogs.kind} instead of planned: ${JSON.stringify(catalogs)}`);
  return catalogs;
}

async function problems(branches: Branches) {
  const catalogs = await read(branches);
  if (catalogs.kind !== 'stopped' || catalogs.state.kind !== 'invalid') throw new Error(JSON.stringify(catalogs));
  return catalogs.state.problems;
}

describe('the catalogs of a pull request, at the merge base and at the head', () => {
  test.each<[string, Given, Given, object]>([
    ['neither', null, null, { kind: 'none' }],
    ['removed', VALID, null, { kind: 'stopped', state: { kind: 'removed' } }],
    ['a removed one that could not be read', symlink, null, { kind: 'stopped', state: { kind: 'removed' } }],
    ['the same text', VALID, VALID, { kind: 'stopped', state: { kind: 'untouched' } }],
    ['one that cannot be read', VALID, symlink, { kind: 'stopped', state: { kind: 'unreadable' } }],
    ['a broken one', VALID, BROKEN, { kind: 'stopped', state: { kind: 'invalid' } }],
    ['a first one', null, VALID, { kind: 'planned', target: null, diff: { added: ['one'] } }],
    ['the repair of a broken one', BROKEN, VALID, { kind: 'planned', target: null, diff: { added: ['one'] } }],
    ['the repair of one that could not be read', symlink, VALID, { kind: 'planned', target: null }],
    [
      'a change',
      VALID,
      `${VALID}  - {id: acme/two, short: two}\n`,
      { kind: 'planned', diff: { added: ['two'], changed: [], removed: [] } },
    ],
  ])('%s', async (_, before, after, expected) => {
    expect(await read({ before, after })).toMatchObject(expected);
  });
});

describe('a target branch that moved meanwhile', () => {
  const TWO = `${VALID}  - {id: acme/two, short: two}\n`;

  test('elsewhere in the catalog: what is planned is both, and the diff is only what this pull request changes', async () => {
    const { catalog, diff, target } = await planned({ before: VALID, after: TWO, current: MOVED });
    expect(catalog.models.map(({ short }) => short).sort()).toEqual(['moved-on', 'one', 'two']);
    expect(target?.models.map(({ short }) => short)).toEqual(['one', 'moved-on']);
    expect(diff).toEqual({ added: ['two'], changed: [], removed: [] });
  });

  test('to new defaults: they are what the new model is judged by', async () => {
    const current = `defaults: {limits: {fat_max_bytes: 1GB}}\n${VALID}`;
    const { catalog, weakenings } = await planned({ before: VALID, after: TWO, current });
    expect(catalog.settings.limits.fatMaxBytes).toBe(1e9);
    expect(weakenings).toEqual([]);
  });

  test('in the same entry, differently: the check fails on its line', async () => {
    const changed = 'models:\n  - {id: acme/one, short: one, gated: true}\n';
    const current = 'models:\n  - {id: acme/one, short: one, gated: false}\n';
    const [problem, ...more] = await problems({ before: VALID, after: `# first\n${changed}`, current });
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ line: 3, path: 'models.one' });
    expect(problem?.message).toMatch(/`one` changed here and, differently, on the target branch/);
  });

  test('to a model of the same short: the check fails on the line of the newcomer', async () => {
    const current = `${VALID}  - {id: acme/other, short: two}\n`;
    expect(await problems({ before: VALID, after: TWO, current })).toMatchObject([{ line: 3, path: 'models.two' }]);
  });

  test('to an alias that is this short: the clash is named on the line of the newcomer', async () => {
    const current = `${VALID}  - {id: acme/other, short: other, aliases: [hf-two]}\n`;
    const [problem] = await problems({ before: VALID, after: TWO, current });
    expect(problem).toMatchObject({ line: 3, path: 'models.two' });
    expect(problem?.message).toContain('hf-two');
  });

  test('to the very change of this pull request: nothing is left of it', async () => {
    expect((await planned({ before: VALID, after: TWO, current: TWO })).diff).toEqual({
      added: [],
      changed: [],
      removed: [],
    });
  });

  test('to a catalog that is broken: nothing is planned, in words that help', async () => {
    const [problem] = await problems({ before: VALID, after: TWO, current: BROKEN });
    expect(problem?.message).toContain('bring this branch up to date');
  });

  test('to a catalog, while this pull request touches none: that is no change, and no repository without one', async () => {
    const catalogs = await read({ before: null, after: null, current: VALID });
    expect(catalogs).toMatchObject({ kind: 'stopped', state: { kind: 'untouched' } });
  });

  test("to no catalog: head's change conflicts, it is not taken for a first one", async () => {
    const changed = 'models:\n  - {id: acme/one, short: one, gated: true}\n';
    expect(await problems({ before: VALID, after: changed, current: null })).toMatchObject([{ path: 'models.one' }]);
  });
});

describe('the rules a pull request is judged by', () => {
  const LLAMA = '  - {id: meta/llama, short: llama}\n';
  const LOOSE = 'defaults: {spdx_permissive_whitelist: [apache-2.0, mit, llama3]}\n';
  const RULES = 'defaults: {spdx_permissive_whitelist: [apache-2.0, mit]}\n';

  test('do not loosen for the pull request that loosens them, and that is said', async () => {
    const { catalog, weakenings, diff } = await planned({
      before: `${RULES}${VALID}`,
      after: `${LOOSE}${VALID}${LLAMA}`,
    });
    expect(catalog.settings.whitelist).not.toContain('llama3');
    expect(weakenings).toEqual(['`spdx_permissive_whitelist` gains llama3; that takes effect after merge.']);
    expect(diff.added).toEqual(['llama']);
  });

  test('hold at once where they are stricter', async () => {
    const after = `defaults: {spdx_permissive_whitelist: [mit]}\n${VALID}`;
    const { catalog, weakenings } = await planned({ before: `${RULES}${VALID}`, after });
    expect(catalog.settings.whitelist).toEqual(['mit']);
    expect(weakenings).toEqual([]);
  });

  test("are the default branch's also for another target branch, which may be looser", async () => {
    const { catalog, weakenings } = await planned({
      before: `${LOOSE}${VALID}`,
      after: `${LOOSE}${VALID}${LLAMA}`,
      trusted: `${RULES}${VALID}`,
    });
    expect(catalog.settings.whitelist).not.toContain('llama3');
    expect(weakenings).toHaveLength(1);
  });

  test('with no catalog on the default branch yet are the built-in ones', async () => {
    const { catalog, weakenings } = await planned({ before: null, after: `${LOOSE}${VALID}` });
    expect(catalog.settings.whitelist).not.toContain('llama3');
    expect(weakenings.join()).toContain('llama3');
  });

  test('with a catalog broken on the default branch are the built-in ones, also for another target branch', async () => {
    const { catalog } = await planned({
      before: VALID,
      after: `${LOOSE}${VALID}`,
      trusted: BROKEN,
    });
    expect(catalog.settings.whitelist).not.toContain('llama3');
  });
});

describe('what a review depends on', () => {
  const against = async (branches: Branches) => {
    const { github, pull } = arrange(branches);
    const read = await readCatalogs(github, repo, pull);
    if (read.kind === 'none') throw new Error('none');
    // Asked alone later it has to be the same, or every event would plan again.
    expect(await currentAgainst(github, repo, pull)).toBe(read.against);
    return read.against;
  };

  test('is another when target or default branch has another catalog, and the same when they moved without', async () => {
    const seen = [
      await against({ before: VALID, after: MOVED }),
      await against({ before: VALID, after: MOVED, current: `${VALID}# a comment\n` }),
      await against({ before: VALID, after: MOVED, trusted: BROKEN }),
      await against({ before: VALID, after: MOVED, trusted: null }),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(await against({ before: VALID, after: MOVED, current: VALID })).toBe(seen[0]);
  });
});
