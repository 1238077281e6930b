import type { Digest } from '../../registry/types.ts';
import type { BuildKey } from '../../store/attachments.ts';
import { bytesOnlyOf, livingSet, type RepositoryGraph, subjectOfTag } from './graph.ts';

/** A tag or manifest that may go, and why. */
export interface Candidate {
  why: string;
  /** With `--retired` also an immutable one. */
  evenImmutable?: boolean;
}

/** An image that nobody has a use for, and the builds that pushed it. */
export interface DeadImage {
  why: string;
  builds: readonly BuildKey[];
}

export interface PruneFacts {
  graph: RepositoryGraph;
  /** Tags that may go. */
  tags: ReadonlyMap<string, Candidate>;
  /** Tags that look as if they might, but stay: why. */
  spared: ReadonlyMap<string, string>;
  /** Manifests that may go though only the ledger knows of them. */
  digests: ReadonlyMap<Digest, DeadImage>;
  /** Tags of current publications: they stay, whatever they look like. */
  current: ReadonlySet<string>;
  immutable: ReadonlySet<string>;
  /** Digests that somebody counts on: publications, builds that somebody waits for. */
  wanted: ReadonlySet<Digest>;
}

export type Removal = { repository: string; why: string; bytes: number } & (
  | { what: 'tag'; tag: string; digest: Digest }
  /** With what refers to it, and the tags beside it. */
  | { what: 'manifest'; digest: Digest; builds: readonly BuildKey[] }
);

export interface PruneDecision {
  /** Tags first. `bytes`: of what each reaches and nothing that stays, or went before it, does. */
  remove: Removal[];
  keep: { repository: string; tag: string; why: string }[];
  bytes: number;
}

/**
 * What goes from one repository. A tag is only a name: its manifest goes with it only where the ledger says that it is nobody's, and nothing that
 * stays reaches it, be it another tag, an index, a referrer or a publication.
 */
export function decidePrune(facts: PruneFacts): PruneDecision {
  const { graph, tags, spared, current, immutable } = facts;
  const { repository } = graph;
  const decision: PruneDecision = { remove: [], keep: [], bytes: 0 };
  const gone = new Map<string, string>();
  for (const tag of [...graph.tags.keys()].sort()) {
    const candidate = tags.get(tag);
    const spare = spared.get(tag);
    if (candidate === undefined) {
      if (spare !== undefined) decision.keep.push({ repository, tag, why: spare });
    } else if (current.has(tag)) {
      decision.keep.push({ repository, tag, why: 'it belongs to a current publication' });
    } else if (immutable.has(tag) && candidate.evenImmutable !== true) {
      decision.keep.push({ repository, tag, why: 'it is immutable' });
    } else {
      gone.set(tag, candidate.why);
    }
  }
  const living = livingAfter(facts, gone);
  const counted = new Set<Digest>(living);
  const add = (removal: Removal) => {
    const reached = livingSet(graph, [removal.digest]);
    const bytes = bytesOnlyOf(graph, reached, counted);
    for (const digest of reached) counted.add(digest);
    decision.remove.push({ ...removal, bytes });
    decision.bytes += bytes;
  };
  for (const [tag, why] of gone) {
    const digest = graph.tags.get(tag);
    if (digest !== undefined) add({ repository, what: 'tag', tag, digest, why, bytes: 0 });
  }
  for (const [digest, { why, builds }] of facts.digests) {
    if (graph.manifests.has(digest) && !living.has(digest)) {
      add({ repository, what: 'manifest', digest, builds, why, bytes: 0 });
    }
  }
  return decision;
}

/** What stays once these tags are gone. */
function livingAfter({ graph, wanted }: PruneFacts, gone: ReadonlyMap<string, string>): Set<Digest> {
  const named = [...graph.tags].filter(([tag]) => !gone.has(tag) && subjectOfTag(tag) === null);
  return livingSet(graph, [...wanted, ...named.map(([, digest]) => digest)]);
}

/**
 * Which of these manifests may be deleted as a repository is now, each with what hangs on it and on nothing else: first what refers to it, then
 * the children of an index, itself last: as long as it is there, whoever dies on the way finds the rest again.
 */
export function deletable(graph: RepositoryGraph, digest: Digest, wanted: ReadonlySet<Digest>): Digest[] {
  const named = [...graph.tags].filter(([tag]) => subjectOfTag(tag) === null).map(([, at]) => at);
  const living = livingSet(graph, [...wanted, ...named]);
  if (living.has(digest) || !graph.manifests.has(digest)) return [];
  const reached = [...livingSet(graph, [digest])].filter((each) => !living.has(each) && graph.manifests.has(each));
  const order = (each: Digest) => {
    if (each === digest) return 2;
    return graph.manifests.get(digest)?.children.includes(each) === true ? 1 : 0;
  };
  return reached.sort((a, b) => order(a) - order(b));
}
