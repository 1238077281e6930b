import { MAX_CATALOG_BYTES } from '../catalog/parse.ts';
import type { ScanSettings } from '../catalog/types.ts';
import type { GitHub, Repo } from '../github/types.ts';
import { sha256Hex } from '../image/hash.ts';
import type { JobContext } from '../jobs/worker.ts';
import type { ReviewContext } from '../review/context.ts';
import { parse } from '../review/read-catalogs.ts';
import type { ScanResult } from '../scan/types.ts';
import { currentPublications } from '../store/publications.ts';
import { findWatched, setTold, watchedOf } from '../store/watched.ts';
import { imagesOf } from './images.ts';
import { issueMarker, rescanIssue } from './issue.ts';
import { rescanModel } from './rescan.ts';
import type { RescanJob } from './types.ts';

/**
 * Scans what a catalog has published again, and tells in one issue a model what appeared. Killed at any point it runs again: what was
 * found is in the ledger, and the issue is written from there.
 */
export async function runRescan({ data: job, signal }: JobContext & { data: RescanJob }, context: ReviewContext) {
  const { store, logger, scan, services } = context;
  if (!(await context.serves(job.owner))) return;
  const github = await context.github(job.installationId);
  const settings = await readSettings(job, github);
  if (settings === null) {
    // Without its ignores, people would be told what they set aside.
    return logger.warn({ catalog: job.catalog }, 'Not scanned again: the catalog on the default branch cannot be used');
  }
  const filter = { catalog: job.catalog, ...(job.short === null ? {} : { short: job.short }) };
  const images = imagesOf(await currentPublications(store.db, filter));
  // Models that are published no more have an issue to be closed.
  const known = (await watchedOf(store.db, job.catalog)).map(({ short }) => short);
  const shorts = new Set([...images.map(({ short }) => short), ...known]);
  const scanned = new Map<string, ScanResult>();
  for (const short of job.short === null ? shorts : shorts.has(job.short) ? [job.short] : []) {
    const mine = images.filter((image) => image.short === short);
    const parts = { store, scan, clock: services.clock, signal };
    const answers = await rescanModel({ catalog: job.catalog, short, images: mine }, settings, scanned, parts);
    for (const { reference, reason, status } of answers) {
      if (status === 'not-scanned') logger.warn({ reference, reason }, 'Not scanned again');
    }
    await tell(short, job, github, context);
  }
}

/** Writes the model's issue where it says something else than before. */
async function tell(short: string, job: RescanJob, github: GitHub, { store, logger }: ReviewContext): Promise<void> {
  const watched = await findWatched(store.db, job.catalog, short);
  if (watched === null) return;
  const issue = rescanIssue(short, watched.state);
  const told = sha256Hex(JSON.stringify(issue));
  // One that was never opened needs no closing.
  if (told === watched.told || (watched.told === null && !issue.open)) return;
  const number = await github.upsertIssue(repoOf(job), issueMarker(short), issue);
  await setTold(store.db, job.catalog, short, told);
  logger.info({ short, issue: number, open: issue.open }, 'Issue about published images written');
}

async function readSettings(job: RescanJob, github: GitHub): Promise<ScanSettings | null> {
  const repo = repoOf(job);
  const { defaultBranch } = await github.repository(repo);
  const file = await github.fileAt(repo, await github.branchHead(repo, defaultBranch), job.path, MAX_CATALOG_BYTES);
  const parsed = file.kind === 'file' ? parse(file.text) : null;
  return parsed?.valid === true ? parsed.catalog.settings.scan : null;
}

const repoOf = ({ owner, repo }: RescanJob): Repo => ({ owner, name: repo });
