import type { ScanSettings } from '../catalog/types.ts';
import { isIgnored } from '../scan/gate.ts';
import { identityOf } from '../scan/parse.ts';
import type { Finding } from '../scan/types.ts';
import type { WatchedState } from '../store/watched.ts';

/** Findings of one scan, and the day of that scan in UTC, YYYY-MM-DD: ignores are judged by it. */
export interface Dated {
  findings: readonly Finding[];
  on: string;
}

/**
 * What changed between two scans of an image, as far as the catalog does not ignore it. An ignore that ended in between makes its finding
 * appear; so does a fix for one that counted only once it had one (`ignore_unfixed`).
 *
 * @param before null when there was no scan: then everything appeared
 */
export function compareScans(
  before: Dated | null,
  after: Dated,
  settings: Pick<ScanSettings, 'ignore' | 'ignoreUnfixed'>,
): { appeared: Finding[]; gone: Finding[]; present: Finding[] } {
  const then = before === null ? [] : counted(before, settings);
  const present = counted(after, settings);
  return { appeared: without(present, then), gone: without(then, present), present };
}

/** What an issue is opened for. */
export function isGrave({ severity }: Finding): boolean {
  return severity === 'critical' || severity === 'high';
}

/** What one image of a model turned out to be: `null` when it was not scanned, which says nothing. */
export type Look = {
  digest: string;
  /** Key of the scan, and the date of its database. */
  database: string;
  databaseDate: string | null;
  appeared: Finding[];
  present: Finding[];
} | null;

/**
 * What is known of a model after its images were looked at: what is gone is open no more, what appeared is. An image that was not scanned
 * keeps what was known of it; one that is published no more is forgotten.
 *
 * @param looks by runtime and variant, every image of the model
 */
export function nextState(known: WatchedState, looks: Readonly<Record<string, Look>>, today: string): WatchedState {
  const images: WatchedState['images'] = {};
  for (const [name, look] of Object.entries(looks)) {
    const before = known.images[name];
    if (look === null) {
      if (before !== undefined) images[name] = before;
      continue;
    }
    const { digest, database, appeared, present } = look;
    const grave = present.filter(isGrave);
    // As the scan of today tells them: a fix may have come.
    const open = new Set([...(before?.open ?? []), ...appeared.filter(isGrave)].map(identityOf));
    images[name] = { digest, database, open: grave.filter((finding) => open.has(identityOf(finding))) };
  }
  if (openIn(images) === openIn(known.images)) return { images, changed: known.changed };
  const dates = Object.values(looks).flatMap((look) => look?.databaseDate ?? []);
  return { images, changed: { on: today, database: dates.sort().at(-1) ?? null } };
}

function openIn(images: WatchedState['images']): string {
  const open = Object.entries(images).flatMap(([name, image]) =>
    image.open.map(({ installed, fixed, ...finding }) =>
      JSON.stringify([name, identityOf(finding), installed, fixed, finding.severity]),
    ),
  );
  return [...new Set(open)].sort().join('\n');
}

function counted({ findings, on }: Dated, { ignore, ignoreUnfixed }: Pick<ScanSettings, 'ignore' | 'ignoreUnfixed'>) {
  return findings.filter((finding) => !(ignoreUnfixed && finding.fixed === null) && !isIgnored(finding, ignore, on));
}

function without(findings: readonly Finding[], others: readonly Finding[]): Finding[] {
  const known = new Set(others.map(identityOf));
  return findings.filter((finding) => !known.has(identityOf(finding)));
}
