import { inLanes } from '../../build/lanes.ts';
import { PublisherError } from '../../errors.ts';
import type { PublishTarget } from '../../registry/types.ts';
import type { Database } from '../../store/database.ts';
import { mirrorsOf } from '../../store/mirrored.ts';
import { adoptRepository, claimRepository, holderOf, noteMarked } from '../../store/repositories.ts';
import { OWNER_TAG, readMarker, readOwnership, writeMarker } from '../ownership.ts';
import type { PublishContext } from '../types.ts';

export interface OwnerContext extends Pick<PublishContext, 'force' | 'signal'> {
  /** `catalogId`; null where only ledger and marker of the source tell. */
  catalog: string | null;
  /** The ledger; null where none can be read. */
  db: Database | null;
}

/** Whose a mirror's repository is from now on. */
export interface MirrorOwner {
  /** null where nobody knows: then it gets no marker. */
  catalog: string | null;
  /** Why its marker has to be written, as a difference; null when it is there. */
  unmarked: string | null;
}

const LANES = 4;

/**
 * Whether a mirror's repository may be written: it is the source's catalog's, or nobody's and has nothing but what the ledger says was
 * copied from there or the source has too. With `force`, any. Reads only.
 *
 * @throws PublisherError `refused`, and the registry codes
 */
export async function checkOwner(from: PublishTarget, to: PublishTarget, context: OwnerContext): Promise<MirrorOwner> {
  const { db, force, signal } = context;
  const catalog = context.catalog ?? (await catalogOf(from, db, signal));
  const holder = db === null ? null : await holderOf(db, to.name);
  if (holder !== null && holder.catalog !== catalog && !force) throw refused(from, to, 'belongs to another catalog');
  // No catalog is named so.
  const found = await readOwnership(to, catalog ?? '', signal);
  if (found.state === 'other' && !force) throw refused(from, to, 'belongs to another catalog');
  if (found.state === 'unclaimed-with-content' && holder === null && !force) {
    const foreign = await foreignTag(found.tags, from, to, context);
    if (foreign !== null) throw refused(from, to, `holds what was not copied from there (${foreign})`);
  }
  const isMarked = found.state === 'ours' || catalog === null;
  const how = found.state === 'other' ? 'another catalog’s' : 'missing';
  return { catalog, unmarked: isMarked ? null : `tag ${OWNER_TAG} is ${how}` };
}

/** Claims the repository in the ledger; with `force`, whosesoever it is. @throws PublisherError `refused` where another was faster */
export async function claimMirror(
  from: PublishTarget,
  to: PublishTarget,
  { catalog, unmarked }: MirrorOwner,
  { db, force }: Pick<OwnerContext, 'db' | 'force'>,
): Promise<void> {
  if (db === null || catalog === null) return;
  const holder = await claimRepository(db, to.name, catalog);
  if (holder.catalog !== catalog) {
    if (!force) throw refused(from, to, 'belongs to another catalog');
    await adoptRepository(db, to.name, catalog);
  }
  if (unmarked === null) await noteMarked(db, to.name, catalog);
}

/** Writes the marker where it has to be. Before the first tag. */
export async function markMirror(
  to: PublishTarget,
  { catalog, unmarked }: MirrorOwner,
  { db, signal }: Pick<OwnerContext, 'db' | 'signal'>,
): Promise<void> {
  if (catalog === null || unmarked === null) return;
  await writeMarker(to, catalog, signal);
  if (db !== null) await noteMarked(db, to.name, catalog);
}

async function catalogOf(target: PublishTarget, db: Database | null, signal: AbortSignal): Promise<string | null> {
  const holder = db === null ? null : await holderOf(db, target.name);
  if (holder !== null) return holder.catalog;
  const marker = await readMarker(target, signal);
  return marker === 'none' ? null : marker.catalog;
}

/** A tag at something that an earlier copy did not bring. What the source has is no stranger's, also where no ledger remembers. */
async function foreignTag(
  tags: readonly string[],
  from: PublishTarget,
  to: PublishTarget,
  { db, signal }: OwnerContext,
): Promise<string | null> {
  const foreign = await inLanes(tags, LANES, signal, async (tag, lane) => {
    const digest = (await to.head(tag, { signal: lane }))?.digest;
    if (digest === undefined || (await from.head(digest, { signal: lane })) !== null) return null;
    const copies = db === null ? [] : await mirrorsOf(db, digest);
    return copies.some(({ source, target }) => source === from.name && target === to.name) ? null : tag;
  });
  return foreign.find((tag) => tag !== null) ?? null;
}

function refused(from: PublishTarget, to: PublishTarget, why: string): PublisherError {
  const message = `${to.name} ${why}, and is to be a copy of ${from.name}: take it over with \`mirror --force\`, or name another mirror.`;
  return new PublisherError('refused', message);
}
