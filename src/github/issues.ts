import { z } from 'zod';
import { lastLine, markedBody, markerStart } from './comments.ts';
import { at, createOnce, type GitHubContext, nameOf, ONCE } from './context.ts';
import { naming } from './errors.ts';
import { cutCharacters, ISSUE_TITLE_CHARACTERS } from './limits.ts';
import type { IssueState, Repo } from './types.ts';

const issueAnswer = z.object({
  number: z.number(),
  title: z.string(),
  body: z.string().nullish(),
  state: z.enum(['open', 'closed']),
  user: z.object({ login: z.string(), type: z.string() }).nullish(),
  pull_request: z.unknown().optional(),
});
type Issue = z.infer<typeof issueAnswer>;

/** Those written by this App, oldest first, closed ones too. GitHub lists pull requests among the issues. */
async function ownIssues({ octokit, appSlug }: GitHubContext, repo: Repo): Promise<Issue[]> {
  const login = `${appSlug}[bot]`;
  return naming(`listing issues of ${nameOf(repo)}`, async () => {
    const list = await octokit.paginate(octokit.rest.issues.listForRepo, {
      ...at(repo),
      creator: login,
      state: 'all',
      per_page: 100,
    });
    return list
      .map((issue) => issueAnswer.parse(issue))
      .filter((issue) => issue.pull_request === undefined || issue.pull_request === null)
      .filter(({ user }) => user?.type === 'Bot' && user.login === login)
      .sort((a, b) => a.number - b.number);
  });
}

/** The one issue of this App with the marker, opened, rewritten, closed or opened again; what is as wanted is not written again. */
export async function upsertIssue(
  context: GitHubContext,
  repo: Repo,
  marker: string,
  wanted: IssueState,
): Promise<number | null> {
  const title = cutCharacters(wanted.title, ISSUE_TITLE_CHARACTERS, '…');
  const body = markedBody(marker, wanted.body);
  const state = wanted.open ? 'open' : 'closed';
  const find = async () =>
    (await ownIssues(context, repo)).find((issue) => lastLine(issue.body ?? '').startsWith(markerStart(marker))) ??
    null;

  return context.locks.run(`issue ${nameOf(repo)} ${marker}`, async () => {
    const existing = await find();
    if (existing === null && !wanted.open) return null;
    const issue = existing ?? (await open(context, repo, { title, body }, find));
    const same = issue.title === title && issue.state === state && lastLine(issue.body ?? '') === lastLine(body);
    if (!same) {
      await naming(`updating issue ${nameOf(repo)}#${issue.number}`, () =>
        context.octokit.rest.issues.update({ ...at(repo), issue_number: issue.number, title, body, state }),
      );
    }
    return issue.number;
  });
}

function open(
  context: GitHubContext,
  repo: Repo,
  fields: { title: string; body: string },
  find: () => Promise<Issue | null>,
): Promise<Issue> {
  return createOnce(context, `opening an issue in ${nameOf(repo)}`, {
    create: async () => {
      const { data } = await context.octokit.rest.issues.create({ ...at(repo), ...fields, ...ONCE });
      return issueAnswer.parse(data);
    },
    find,
  });
}
