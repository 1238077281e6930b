import type { TagTemplate } from '../../catalog/types.ts';
import type { Digest } from '../../registry/types.ts';
import type { Publication } from '../../store/publications.ts';
import type { PreviewRow, PushedImage } from '../../store/retention.ts';
import { datedTags, supersededTags } from './dated-tags.ts';
import type { Candidate, DeadImage, PruneFacts } from './decide.ts';
import type { RepositoryGraph } from './graph.ts';

/** What somebody asked to be removed. Times in milliseconds since the epoch. */
export interface PruneOptions {
  /** Pull requests that are closed, whatever the ledger says. */
  pulls: readonly number[];
  /** Previews written before this go too, with their pull request open or not; null: they stay. */
  previewsBefore: number | null;
  /** Dated tags that stay for each target; at least 1. */
  keep: number;
  /** Caches that were not used since, and rows older than this. */
  before: number;
  /** Tags of targets that are gone from their catalog, immutable ones too. */
  retired: boolean;
}

/** What the ledger knows of a repository; nothing, where there is none. */
export interface LedgerFacts {
  publications: readonly Publication[];
  previews: readonly PreviewRow[];
  pushed: readonly PushedImage[];
  /** Runtime → when it was asked for last. */
  runtimes: ReadonlyMap<string, Date>;
}

/** Which tags and manifests of a repository may go, and which nobody may touch. */
export function pruneFacts(
  graph: RepositoryGraph,
  { publications, previews, pushed, runtimes }: LedgerFacts,
  templates: readonly TagTemplate[],
  options: PruneOptions,
): PruneFacts {
  const tags = new Map<string, Candidate>();
  const spared = new Map<string, string>();
  for (const { tag, moment } of supersededTags(datedTags(graph.tags.keys(), templates), options.keep)) {
    tags.set(tag, { why: `superseded: it is of ${moment.trim()}` });
  }
  for (const tag of graph.tags.keys()) {
    const verdict = previewVerdict(tag, previews, options) ?? cacheVerdict(tag, runtimes, options);
    if (verdict === null) continue;
    if (verdict.goes) tags.set(tag, { why: verdict.why });
    else spared.set(tag, verdict.why);
  }
  const here = publications.filter(({ repositories }) => repositories.includes(graph.repository));
  for (const { state, short, tags: names } of here) {
    if (!options.retired || state !== 'retired') continue;
    for (const tag of names) tags.set(tag, { why: `${short} is gone from its catalog`, evenImmutable: true });
  }
  const published = new Set(here.map(({ digest }) => digest));
  return {
    graph,
    tags,
    spared,
    digests: deadImages(pushed.filter(({ attached, digest }) => !attached && !published.has(digest))),
    current: new Set(here.filter(({ state }) => state === 'published').flatMap((publication) => publication.tags)),
    immutable: new Set(here.flatMap(({ immutable }) => immutable)),
    wanted: new Set([...published, ...pushed.flatMap(({ digest, attached }) => (attached ? [digest] : []))]),
  };
}

function deadImages(pushed: readonly PushedImage[]): Map<Digest, DeadImage> {
  const why = 'built, and nobody waits for it or has published it';
  const groups = Map.groupBy(pushed, ({ digest }) => digest);
  return new Map([...groups].map(([digest, group]) => [digest, { why, builds: group.map(({ build }) => build) }]));
}

interface Verdict {
  goes: boolean;
  why: string;
}

function previewVerdict(tag: string, rows: readonly PreviewRow[], options: PruneOptions): Verdict | null {
  const number = /^pr-([1-9]\d*)-/.exec(tag)?.[1];
  if (number === undefined) return null;
  const row = rows.find((each) => each.tag === tag);
  if (options.pulls.includes(Number(number)) || row?.closed === true) {
    return { goes: true, why: `pull request ${number} is closed` };
  }
  const { previewsBefore } = options;
  if (previewsBefore !== null && row !== undefined && row.writtenAt.getTime() < previewsBefore) {
    return { goes: true, why: `a preview of ${day(row.writtenAt)}` };
  }
  const why =
    row === undefined
      ? 'the ledger does not know its pull request; --pr says that it is closed'
      : 'its pull request is open';
  return { goes: false, why };
}

function cacheVerdict(tag: string, used: ReadonlyMap<string, Date>, { before }: PruneOptions): Verdict | null {
  const name = /^cache-(.+)$/.exec(tag)?.[1];
  if (name === undefined) return null;
  const usedAt = used.get(name);
  if (usedAt === undefined) return { goes: false, why: 'the ledger does not know when this build cache was used' };
  const why = `a build cache, used last on ${day(usedAt)}`;
  return { goes: usedAt.getTime() < before, why };
}

const day = (date: Date): string => date.toISOString().slice(0, 10);
