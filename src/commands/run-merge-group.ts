import { MAX_CATALOG_BYTES } from '../catalog/parse.ts';
import type { FileResult, GitHub, Repo } from '../github/types.ts';
import { REQUIRED_CHECK } from '../report/checks.ts';
import { plural } from '../report/numbers.ts';
import type { CheckReport } from '../report/types.ts';
import { CATALOG_PATH, type ReviewContext } from '../review/context.ts';
import { parse } from '../review/read-catalogs.ts';
import type { CommandJob } from '../review/types.ts';
import { writeChecks } from '../review/write-checks.ts';

/**
 * The required check of a merge queue's commit. Its pull requests were built and judged one by one; what only the queue can break is the
 * catalog they make together.
 */
export async function runMergeGroup(
  job: Extract<CommandJob, { kind: 'merge-group' }>,
  context: ReviewContext,
): Promise<void> {
  const github = await context.github(job.installationId);
  const repo = { owner: job.owner, name: job.repo };
  const file = await github.fileAt(repo, job.headSha, CATALOG_PATH, MAX_CATALOG_BYTES);
  if (file.kind === 'absent' && !(await isOnDefaultBranch(github, repo))) return;
  const wrong = wrongWith(file);
  const title =
    wrong === null
      ? file.kind === 'absent'
        ? `${CATALOG_PATH} is removed: nothing is built, existing tags stay.`
        : 'The merged catalog is valid; its images were judged on their pull requests.'
      : `${CATALOG_PATH} of this merge group ${wrong}.`;
  const check: CheckReport = {
    name: REQUIRED_CHECK,
    status: 'completed',
    conclusion: wrong === null ? 'success' : 'failure',
    title,
    summary: title,
    annotations: [],
    actions: [],
  };
  await writeChecks(github, repo, { repoId: job.repoId, pr: 0, headSha: job.headSha }, [check], context);
}

/** A merge group that removes the catalog still waits for the check that the branch requires. */
async function isOnDefaultBranch(github: GitHub, repo: Repo): Promise<boolean> {
  const { defaultBranch } = await github.repository(repo);
  const head = await github.branchHead(repo, defaultBranch);
  return (await github.fileAt(repo, head, CATALOG_PATH, MAX_CATALOG_BYTES)).kind !== 'absent';
}

function wrongWith(file: FileResult): string | null {
  if (file.kind === 'absent') return null;
  const parsed = file.kind === 'file' ? parse(file.text) : null;
  if (parsed === null) return 'cannot be read';
  return parsed.valid ? null : `has ${plural(parsed.problems.length, 'problem')}`;
}
