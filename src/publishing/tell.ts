import type { Catalog } from '../catalog/types.ts';
import { asPublisherError, type PublisherError } from '../errors.ts';
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
  noteTold,
  setUnfinishedHead,
  unfinishedHead,
} from '../store/publishing.ts';
import type { Branch } from './branch.ts';

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

/**
 * Tells every end that is not told yet, whichever run it came from: in the one reply on merged pull requests, and in an issue on what failed,
 * opened once and closed on success. What GitHub refuses for good, e.g. a reply on a locked conversation, is not asked for again.
 *
 * @throws PublisherError the first that is worth another try, once everything else is told
 */
export async function tellModels(branch: Branch, context: ReviewContext): Promise<void> {
  const { db } = context.store;
  const rows = [...(await modelPublications(db, branch.catalogId)).values()];
  const untold = rows.filter(({ state, details }) => state !== 'pending' && !details.told);
  const failures: PublisherError[] = [];
  const late = new Set<ModelPublication>();
  const attempt = async (whose: readonly ModelPublication[], tell: () => Promise<unknown>): Promise<void> => {
    try {
      await tell();
    } catch (thrown) {
      const error = asPublisherError(thrown);
      const fields = { catalog: branch.catalogId, code: error.code, error: context.services.redact(error.message) };
      context.logger.warn(fields, 'Publication not told');
      if (!error.retryable) return;
      failures.push(error);
      for (const row of whose) late.add(row);
    }
  };
  for (const row of untold) await attempt([row], () => tellIssue(branch, row, context));
  const pulls = new Set(untold.flatMap(({ details }) => details.pr ?? []));
  for (const pr of pulls) {
    const mine = rows.filter(({ details }) => details.pr === pr);
    await attempt(mine, async () => {
      const lines = await linesOf(branch, mine, (publication) => publication.pr === pr, context);
      const body = context.services.redact(publicationReply(lines, branch.head));
      await branch.github.upsertComment(branch.name, pr, PUBLICATION_MARKER, body);
    });
  }
  for (const row of untold.filter((row) => !late.has(row))) await noteTold(db, row, row.state === 'failed');
  const [failure] = failures;
  if (failure !== undefined) throw failure;
}

/** Closes the issue about a model that the catalog names no longer, if one may be open. */
export async function closeIssue(
  { github, name }: Pick<Branch, 'github' | 'name'>,
  { catalog, short, state, details }: ModelPublication,
): Promise<void> {
  if (!details.issue && (state !== 'failed' || details.told)) return;
  const { title } = publicationIssue({ short, state, failure: null, notes: [], images: [] }, '');
  const body = 'The catalog does not name this model any more: nothing of it is published, and its tags stay.';
  await github.upsertIssue(name, issueMarker({ catalog, short }), { title, body, open: false });
}

async function tellIssue(branch: Branch, row: ModelPublication, context: ReviewContext): Promise<void> {
  const failed = row.state === 'failed';
  if (!failed && !row.details.issue) return;
  const [line] = await linesOf(branch, [row], (publication) => publication.commit === row.commit, context);
  if (line === undefined) return;
  const { title, body } = publicationIssue(line, row.commit);
  const issue = { title, body: context.services.redact(body), open: failed };
  await branch.github.upsertIssue(branch.name, issueMarker(row), issue);
}

const issueMarker = ({ catalog, short }: Pick<ModelPublication, 'catalog' | 'short'>): string =>
  `publication-${catalog}-${short}`;

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
