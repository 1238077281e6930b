import type { Catalog } from '../catalog/types.ts';
import { REQUIRED_CHECK } from '../report/checks.ts';
import { prose } from '../report/markdown.ts';
import {
  type ModelLine,
  publicationBody,
  publicationIssue,
  publicationLine,
  publicationReply,
} from '../report/publication.ts';
import type { CheckReport } from '../report/types.ts';
import type { ReviewContext } from '../review/context.ts';
import { writeChecks } from '../review/write-checks.ts';
import { currentPublications, type Publication } from '../store/publications.ts';
import {
  type ModelPublication,
  modelPublications,
  setModelPublication,
  setUnfinishedHead,
  unfinishedHead,
} from '../store/publishing.ts';
import type { Branch } from './branch.ts';
import type { ModelResult } from './settle-model.ts';

/** The marker of the one reply on a merged pull request. */
export const PUBLICATION_MARKER = 'publication';

/** The check of the head, which branch protection knows: how far the publication of what it brought is. */
export async function tellBranch(branch: Branch, { models }: Catalog, context: ReviewContext): Promise<void> {
  const rows = await modelPublications(context.store.db, branch.catalogId);
  const mine = models.flatMap(({ short }) => {
    const row = rows.get(short);
    return row?.commit === branch.head || row?.state === 'pending' ? [row] : [];
  });
  const lines = await linesOf(branch, mine, () => true, context);
  const title = publicationLine(lines);
  const body = publicationBody(lines);
  const failed = lines.some(({ state }) => state === 'failed');
  const pending = lines.some(({ state }) => state === 'pending');
  const check: CheckReport = {
    name: REQUIRED_CHECK,
    ...(pending
      ? { status: 'in_progress', conclusion: null }
      : { status: 'completed', conclusion: failed ? 'failure' : 'success' }),
    title,
    summary: body === '' ? title : body,
    annotations: [],
    actions: [],
  };
  await tellHeads(branch, check, pending, context);
}

/** A catalog that nobody can read changes nothing of what is published. */
export async function tellUnusable(branch: Branch, why: string, context: ReviewContext): Promise<void> {
  await tellHeads(branch, unusableCheck(why), false, context);
}

/** @param why in plain text, which may quote the catalog */
export function unusableCheck(why: string): CheckReport {
  const title = `Nothing is published: ${why}.`;
  return {
    name: REQUIRED_CHECK,
    status: 'completed',
    conclusion: 'failure',
    title,
    summary: prose(title),
    annotations: [],
    actions: [],
  };
}

/** The reply on merged pull requests, and the issue of what failed: opened once, closed on success. */
export async function tellModels(
  branch: Branch,
  results: readonly ModelResult[],
  context: ReviewContext,
): Promise<void> {
  const { store, services } = context;
  const { github, name } = branch;
  const pulls = new Set<number>();
  for (const { state, row } of results) {
    if (state === 'pending' || state === 'again') continue;
    if (row.details.pr !== null) pulls.add(row.details.pr);
    const failed = state === 'failed';
    if (!failed && !row.details.issue) continue;
    const lines = await linesOf(branch, [row], (publication) => publication.commit === row.commit, context);
    const [line] = lines;
    if (line === undefined) continue;
    const { title, body } = publicationIssue(line, row.commit);
    const marker = `publication-${row.catalog}-${row.short}`;
    await github.upsertIssue(name, marker, { title, body: services.redact(body), open: failed });
    await setModelPublication(store.db, { ...row, details: { ...row.details, issue: failed } });
  }
  const rows = pulls.size === 0 ? [] : [...(await modelPublications(store.db, branch.catalogId)).values()];
  for (const pr of pulls) {
    const mine = rows.filter(({ details }) => details.pr === pr);
    const lines = await linesOf(branch, mine, (publication) => publication.pr === pr, context);
    const body = publicationReply(lines, branch.head);
    await github.upsertComment(name, pr, PUBLICATION_MARKER, services.redact(body));
  }
}

/** The check of the head, and the end of the one before, which a newer head took over. */
async function tellHeads(branch: Branch, check: CheckReport, pending: boolean, context: ReviewContext): Promise<void> {
  const { github, name, repoId, head, catalogId } = branch;
  const { db } = context.store;
  const before = await unfinishedHead(db, catalogId);
  if (before !== null && before !== head) {
    const title = `Superseded by ${head.slice(0, 12)}`;
    const ended: CheckReport = { ...check, status: 'completed', conclusion: 'cancelled', title, summary: `${title}.` };
    await writeChecks(github, name, { repoId, pr: 'push', headSha: before }, [ended], context);
  }
  await writeChecks(github, name, { repoId, pr: 'push', headSha: head }, [check], context);
  await setUnfinishedHead(db, catalogId, pending ? head : null);
  context.logger.info({ repo: `${name.owner}/${name.name}`, head, title: check.title }, 'Publication told');
}

async function linesOf(
  { catalogId }: Branch,
  rows: readonly ModelPublication[],
  isShown: (publication: Publication) => boolean,
  { store }: Pick<ReviewContext, 'store'>,
): Promise<ModelLine[]> {
  if (rows.length === 0) return [];
  const current = await currentPublications(store.db, { catalog: catalogId });
  return rows.map(({ short, state, details }) => ({
    short,
    state,
    failure: details.failure,
    notes: details.notes,
    images: current.filter((publication) => publication.short === short && isShown(publication)),
  }));
}
