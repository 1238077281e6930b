import { describe, expect, test } from 'vitest';
import type { FileResult } from '../../../src/github/types.ts';
import { readCatalogs } from '../../../src/review/read-catalogs.ts';
import { createFakeGitHub } from '../../support/github/index.ts';

const repo = { owner: 'acme', name: 'models' };
const [fork, base, head] = ['1'.repeat(40), '2'.repeat(40), '3'.repeat(40)];
const VALID = 'models:\n  - {id: acme/one, short: one}\n';
const BROKEN = 'models: {}\n';
const file = (text: string): FileResult => ({ kind: 'file', text, bytes: Buffer.byteLength(text) });
const symlink: FileResult = { kind: 'invalid', reason: 'it is a symbolic link' };

/** The answer for a catalog at the merge base and at the head; the base branch has moved on meanwhile. */
function read(before: FileResult | null, after: FileResult | null) {
  const github = createFakeGitHub();
  github.addCommit(fork, before === null ? {} : { 'models.yaml': before });
  github.addCommit(base, { 'models.yaml': file('models:\n  - {id: acme/moved, short: moved-on}\n') });
  github.addCommit(head, after === null ? {} : { 'models.yaml': after });
  github.setMergeBase(base, head, fork);
  return readCatalogs(github, repo, github.addPullRequest({ number: 7, headSha: head, baseSha: base }));
}

describe('the catalogs of a pull request, at the merge base and at the head', () => {
  test.each<[string, FileResult | null, FileResult | null, object]>([
    ['neither', null, null, { kind: 'none' }],
    ['removed', file(VALID), null, { kind: 'stopped', state: { kind: 'removed' } }],
    ['a removed one that could not be read', symlink, null, { kind: 'stopped', state: { kind: 'removed' } }],
    ['the same text', file(VALID), file(VALID), { kind: 'stopped', state: { kind: 'untouched' } }],
    ['one that cannot be read', file(VALID), symlink, { kind: 'stopped', state: { kind: 'unreadable' } }],
    ['a broken one', file(VALID), file(BROKEN), { kind: 'stopped', state: { kind: 'invalid' } }],
    ['a first one', null, file(VALID), { kind: 'both', base: null }],
    ['the repair of a broken one', file(BROKEN), file(VALID), { kind: 'both', base: null }],
    ['the repair of one that could not be read', symlink, file(VALID), { kind: 'both', base: null }],
    ['a change', file(VALID), file(`${VALID}  - {id: acme/two, short: two}\n`), { kind: 'both' }],
  ])('%s', async (_, before, after, expected) => {
    expect(await read(before, after)).toMatchObject(expected);
  });
});
