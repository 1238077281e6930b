import { describe, expect, test } from 'vitest';
import { broughtBy, pinSources, type ResolvedBefore } from '../../../src/publishing/publication-pins.ts';
import { NOTHING_PLANNED } from '../../../src/review/review-job.ts';
import type { Publication } from '../../../src/store/publications.ts';
import { planned } from '../../support/report/report.ts';

const [old, late] = [new Date('2026-01-01'), new Date('2026-01-02')];

function merge(pr: number, revision: string, mergedAt: Date | null): ResolvedBefore['merged'][number] {
  const target = planned('chat');
  const plan = { ...NOTHING_PLANNED, targets: [{ ...target, revision }], revisions: { [target.model.short]: null } };
  const ref = { id: pr, installationId: 1, repoId: 1, owner: 'acme', repo: 'models', pr, headSha: `${pr}` };
  const facts = { ...ref, baseRef: 'main', baseSha: '', fork: false, state: 'closed' as const };
  return { ...facts, plan, createdAt: old, updatedAt: old, mergedAt };
}

function publication(revision: string, publishedAt: Date, pr: number | null = null): Publication {
  const target = planned('chat');
  return {
    id: 1,
    catalog: '1/models.yaml',
    short: target.model.short,
    runtime: target.runtime,
    variant: 'slim',
    owner: 'acme',
    model: target.model.id,
    inputs: 'i',
    digest: `sha256:${'0'.repeat(64)}`,
    state: 'published',
    publishedAt,
    revision,
    base: { reference: 'org/base:v1', digest: `sha256:${'1'.repeat(64)}` },
    platforms: [],
    repositories: [],
    mirrors: {},
    tags: [],
    immutable: [],
    attestations: [],
    signed: false,
    scanned: true,
    commit: null,
    pr,
    entry: '',
    wanted: null,
  };
}

const revisions = (before: Omit<ResolvedBefore, 'waiting'>) =>
  pinSources({ ...before, waiting: new Map() }).flatMap(({ targets }) => targets.map(({ revision }) => revision));

describe('what pins a model that is published', () => {
  const short = 'chat';

  test('is a merged pull request first, then what is published', () => {
    const before = { merged: [merge(2, 'b', late)], published: [publication('a', old)] };
    expect(revisions(before)).toEqual(['b', 'a']);
    expect(broughtBy(short, before)).toBe(2);
  });

  test('is no merge that was published, nor one before it', () => {
    const before = { merged: [merge(2, 'b', late), merge(1, 'x', old)], published: [publication('a', late, 2)] };
    expect(revisions(before)).toEqual(['a']);
    expect(broughtBy(short, before)).toBeNull();
  });

  test('is a merge after the last that was published, although that was recorded later than it came', () => {
    const before = { merged: [merge(2, 'b', old), merge(1, 'x', old)], published: [publication('a', late, 1)] };
    expect(revisions(before)).toEqual(['b', 'a']);
    expect(broughtBy(short, before)).toBe(2);
  });

  test('is no merge that was published and replaced since by what came with none', () => {
    const published = [publication('c', late), { ...publication('a', old, 2), state: 'superseded' as const }];
    expect(revisions({ merged: [merge(2, 'b', old)], published })).toEqual(['c']);
  });

  test('is not told by the publication of another model', () => {
    const published = [{ ...publication('a', late, 2), short: 'other' }];
    expect(broughtBy(short, { merged: [merge(2, 'b', old)], published })).toBe(2);
  });

  test('is nothing that was never merged', () => {
    expect(revisions({ merged: [merge(2, 'b', null)], published: [] })).toEqual([]);
  });
});
