import type { TagTemplate } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import type { Digest, PublishTarget } from '../../registry/types.ts';
import type { Database } from '../../store/database.ts';
import { forgetPreview } from '../../store/previews.ts';
import { allPublications } from '../../store/publications.ts';
import {
  areWithdrawn,
  previewRows,
  pushedImages,
  runtimesUsed,
  type WithdrawnImage,
  withdrawBuilds,
} from '../../store/retention.ts';
import { recordTagMove } from '../../store/tag-moves.ts';
import { decidePrune, deletable, type PruneDecision, type Removal } from './decide.ts';
import { type LedgerFacts, type PruneOptions, pruneFacts } from './facts.ts';
import { surveyRepository } from './survey.ts';

export interface PruneContext {
  /** null where no ledger can be read: then only what tags tell by themselves. */
  db: Database | null;
  templates: readonly TagTemplate[];
  options: PruneOptions;
  signal: AbortSignal;
}

/** What there is to remove from a repository. Reads only. @throws PublisherError with the registry codes */
export async function planPrune(target: PublishTarget, context: PruneContext): Promise<PruneDecision> {
  const ledger = await readLedger(target.name, context.db);
  const known = ledger.pushed.map(({ digest }) => digest);
  const graph = await surveyRepository(target, known, context.signal);
  return decidePrune(pruneFacts(graph, ledger, context.templates, context.options));
}

/**
 * Removes what was decided, one thing after another; each is as far as it got when the process dies, and the rest is found again. Manifests go
 * last, and only where nothing reaches them in the repository as it is then.
 *
 * @param guard asked before each removal, see `PublishGuard`
 * @returns what went, and what the registry, or somebody who came between, kept
 */
export async function applyPrune(
  target: PublishTarget,
  decision: PruneDecision,
  context: PruneContext,
  guard: (repository: string) => Promise<void>,
): Promise<PruneDecision> {
  const { db, signal } = context;
  const repository = target.name;
  const removed: Removal[] = [];
  const keep = [...decision.keep];
  for (const removal of decision.remove) {
    if (removal.what !== 'tag') continue;
    await guard(repository);
    const { tag, digest } = removal;
    // Somebody moved it since: it is another tag now.
    const now = await target.head(tag, { signal });
    if (now !== null && now.digest !== digest) {
      keep.push({ repository, tag, why: 'it was moved meanwhile' });
      continue;
    }
    const outcome = await target.removeTag(tag, { signal });
    if (outcome.state === 'kept') {
      keep.push({ repository, tag, why: outcome.why });
      continue;
    }
    removed.push(removal);
    if (db === null) continue;
    if (outcome.state === 'removed')
      await recordTagMove(db, { repository, tag, before: digest, after: null, commit: null });
    await forgetPreview(db, { repository, tag });
  }
  for (const removal of decision.remove) {
    if (removal.what !== 'manifest' || db === null) continue;
    await guard(repository);
    const { digest, builds } = removal;
    const why = await deleteUnused(target, { repository, digest, builds }, db, signal);
    if (why === null) removed.push(removal);
    else keep.push({ repository, tag: removal.digest, why });
  }
  return { remove: removed, keep, bytes: removed.reduce((sum, { bytes }) => sum + bytes, 0) };
}

const WANTED_AGAIN = 'somebody waits for it again';

/** Deletes a manifest and what hangs on it alone; or says why not. */
async function deleteUnused(
  target: PublishTarget,
  image: WithdrawnImage,
  db: Database,
  signal: AbortSignal,
): Promise<string | null> {
  if (!(await withdrawBuilds(db, image))) return WANTED_AGAIN;
  // Read after the build was withdrawn: nobody tags it from now on without building it again.
  const ledger = await readLedger(target.name, db);
  const wanted = [...ledger.publications, ...ledger.pushed.filter(({ attached }) => attached)].map(
    (each) => each.digest,
  );
  const graph = await surveyRepository(target, [image.digest], signal);
  const going = deletable(graph, image.digest, new Set(wanted));
  if (going.length === 0) return 'something uses it';
  // A registry may hold on to the children of an index, until that is gone.
  const held: Digest[] = [];
  for (const each of going) {
    // A build that was asked for since finds what is there still, and writes the rest again.
    if (!(await areWithdrawn(db, image))) return WANTED_AGAIN;
    if (!(await target.deleteManifest(each, { signal }))) held.push(each);
  }
  for (const each of held) {
    if (!(await areWithdrawn(db, image))) return WANTED_AGAIN;
    if (!(await target.deleteManifest(each, { signal }))) return 'the registry does not delete manifests';
  }
  return null;
}

async function readLedger(repository: string, db: Database | null): Promise<LedgerFacts> {
  if (db === null) return { publications: [], previews: [], pushed: [], runtimes: new Map() };
  return {
    publications: (await allPublications(db)).filter(({ repositories }) => repositories.includes(repository)),
    previews: await previewRows(db, repository),
    pushed: await pushedImages(db, repository),
    runtimes: await runtimesUsed(db, repository),
  };
}

/** `30d`, `12h` as milliseconds. @throws PublisherError `usage` */
export function ageOf(text: string, flag: string): number {
  const [, count, unit] = /^(\d{1,4})(d|h)$/.exec(text) ?? [];
  if (count === undefined) throw new PublisherError('usage', `--${flag} is a time such as 30d or 12h, not "${text}".`);
  return Number(count) * (unit === 'd' ? 24 : 1) * 60 * 60 * 1_000;
}
