import type { ScanSettings } from '../catalog/types.ts';
import type { Clock } from '../clock.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { ScanResult } from '../scan/types.ts';
import type { Database } from '../store/database.ts';
import type { Store } from '../store/open.ts';
import { buildScan, databaseOf, datedScan, latestScan, rememberScan } from '../store/scans.ts';
import { findWatched, NOTHING_WATCHED, type WatchedState, writeWatched } from '../store/watched.ts';
import { compareScans, type Dated, type Look, nextState } from './compare.ts';
import type { ImageToScan, RescannedImage, ScanSubject } from './types.ts';

export interface RescanContext {
  store: Store;
  scan: Scanner;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Scans every image of one model again, each subject once, and writes what that tells: the scans and what is known of the model, in one
 * transaction, so that nothing that appeared can be forgotten. What is not scanned leaves what was known.
 *
 * @param images all that are published of the model; none when it is published no more
 * @param scanned results of this round by digest, added to: models share images
 * @throws PublisherError `cancelled`
 */
export async function rescanModel(
  model: { catalog: string; short: string; images: readonly ImageToScan[] },
  settings: Pick<ScanSettings, 'ignore' | 'ignoreUnfixed'>,
  scanned: Map<string, ScanResult>,
  { store, scan, clock, signal }: RescanContext,
): Promise<RescannedImage[]> {
  const { catalog, short, images } = model;
  for (const { subject } of images) {
    if (scanned.has(subject.digest)) continue;
    scanned.set(subject.digest, await scan(subject.reference, subject.platforms, subject.owner, signal));
  }
  const now = new Date(clock.now());
  return store.transaction(async ({ db }) => {
    const known = (await findWatched(db, catalog, short))?.state ?? NOTHING_WATCHED;
    const looks: Record<string, Look> = {};
    const answers: RescannedImage[] = [];
    const fresh = new Map<string, ScanResult>();
    for (const image of images) {
      const name = `${image.runtime} ${image.variant}`;
      const { subject, ...shown } = image;
      const result = scanned.get(subject.digest);
      if (result?.status !== 'scanned') {
        looks[name] = null;
        const reason = result?.reason ?? null;
        answers.push({ ...shown, status: 'not-scanned', reason, appeared: [], gone: [], summary: null });
        continue;
      }
      const before = await scanBefore(db, subject, known.images[name]);
      const { present, ...change } = compareScans(before, { findings: result.findings, on: dayOf(now) }, settings);
      const { digest } = subject;
      const databaseDate = result.database.updatedAt;
      looks[name] = { digest, database: databaseOf(result), databaseDate, appeared: change.appeared, present };
      answers.push({ ...shown, status: 'scanned', reason: null, ...change, summary: result.summary });
      fresh.set(digest, result);
    }
    // Only now: slim and fat are compared with the same scan.
    for (const [digest, result] of fresh) {
      if (result.status === 'scanned') await rememberScan(db, { digest, database: databaseOf(result) }, result, now);
    }
    await writeWatched(db, catalog, short, nextState(known, looks, dayOf(now)));
    return answers;
  });
}

/**
 * The scan that was looked at last. Anybody may have scanned the image since, e.g. to publish it once more: that is no reason to pass
 * over what appeared meanwhile. An image that is new is compared with the scan it was published with.
 */
async function scanBefore(
  db: Database,
  { digest, inputs }: ScanSubject,
  known: WatchedState['images'][string] | undefined,
): Promise<Dated | null> {
  const found =
    (known?.digest === digest ? await datedScan(db, known) : null) ??
    (await latestScan(db, digest)) ??
    (inputs === null ? null : await buildScan(db, inputs));
  if (found?.result.status !== 'scanned') return null;
  return { findings: found.result.findings, on: dayOf(found.scannedAt) };
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10);
