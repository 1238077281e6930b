import { createHash } from 'node:crypto';
import { z } from 'zod';
import { at, createOnce, type GitHubContext, nameOf, ONCE } from './context.ts';
import { naming, orNull } from './errors.ts';
import { COMMENT_CHARACTERS, cutCharacters } from './limits.ts';
import type { Comment, Repo } from './types.ts';

const commentAnswer = z.object({
  id: z.number(),
  body: z.string().nullish(),
  user: z.object({ login: z.string(), type: z.string() }).nullish(),
  created_at: z.string(),
  updated_at: z.string(),
  issue_url: z.string(),
});

function parseComment(data: unknown): Comment {
  const answer = commentAnswer.parse(data);
  return {
    id: answer.id,
    body: answer.body ?? '',
    authorLogin: answer.user?.login ?? 'ghost',
    authorType: answer.user?.type ?? 'User',
    createdAt: answer.created_at,
    updatedAt: answer.updated_at,
    issueNumber: z.coerce.number().int().positive().parse(answer.issue_url.split('/').at(-1)),
  };
}

export async function readComment({ octokit }: GitHubContext, repo: Repo, id: number): Promise<Comment | null> {
  return orNull(`reading comment ${id} of ${nameOf(repo)}`, async () => {
    const { data } = await octokit.rest.issues.getComment({ ...at(repo), comment_id: id });
    return parseComment(data);
  });
}

/** Those written by this App, oldest first. A marker in somebody else's comment means nothing. */
async function ownComments(context: GitHubContext, repo: Repo, issue: number): Promise<Comment[]> {
  return naming(`listing comments of ${nameOf(repo)}#${issue}`, async () => {
    const list = await context.octokit.paginate(context.octokit.rest.issues.listComments, {
      ...at(repo),
      issue_number: issue,
      per_page: 100,
    });
    return list
      .map(parseComment)
      .filter(({ authorLogin, authorType }) => authorType === 'Bot' && authorLogin === `${context.appSlug}[bot]`)
      .sort((a, b) => a.id - b.id);
  });
}

/** How the last line of what carries the marker begins. */
export const markerStart = (marker: string): string => `<!-- model-image-publisher:${marker} `;

/** The comment as stored: the content, cut to the limit, then a line with the marker and a hash of the content. */
export function markedBody(marker: string, body: string): string {
  const content = cutCharacters(body, COMMENT_CHARACTERS - 200, '\n\n… truncated: the comment is over GitHub’s limit');
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 32);
  return `${content}\n\n${markerStart(marker)}sha256=${hash} -->`;
}

/** The marker comes last, so that what people read first is what the comment has to say. */
export function lastLine(body: string): string {
  const trimmed = body.trimEnd();
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1);
}

/** The one comment of this App with the marker, created or updated; unchanged content is not written again. */
export async function upsertComment(
  context: GitHubContext,
  repo: Repo,
  issue: number,
  marker: string,
  body: string,
): Promise<number> {
  const marked = markedBody(marker, body);
  const line = lastLine(marked);
  const find = async () =>
    (await ownComments(context, repo, issue)).find((comment) =>
      lastLine(comment.body).startsWith(markerStart(marker)),
    ) ?? null;

  return context.locks.run(`comment ${nameOf(repo)}#${issue} ${marker}`, async () => {
    const existing = await find();
    const comment = existing ?? (await create(context, repo, issue, marked, find));
    if (lastLine(comment.body) !== line) {
      await naming(`updating comment ${comment.id} of ${nameOf(repo)}`, () =>
        context.octokit.rest.issues.updateComment({ ...at(repo), comment_id: comment.id, body: marked }),
      );
    }
    return comment.id;
  });
}

/** A new comment. After a lost answer one of ours that appeared since, with the same text, counts as this one. */
export async function reply(context: GitHubContext, repo: Repo, issue: number, body: string): Promise<number> {
  const text = cutCharacters(body, COMMENT_CHARACTERS);
  return context.locks.run(`reply ${nameOf(repo)}#${issue}`, async () => {
    const started = context.clock.now();
    const find = async () => {
      // Stamps have whole seconds, and clocks differ.
      const since = started - 10_000;
      const mine = await ownComments(context, repo, issue);
      return mine.findLast((comment) => comment.body === text && Date.parse(comment.createdAt) >= since) ?? null;
    };
    return (await create(context, repo, issue, text, find)).id;
  });
}

function create(
  context: GitHubContext,
  repo: Repo,
  issue: number,
  body: string,
  find: () => Promise<Comment | null>,
): Promise<Comment> {
  return createOnce(context, `commenting on ${nameOf(repo)}#${issue}`, {
    create: async () => {
      const fields = { ...at(repo), issue_number: issue, body, ...ONCE };
      const { data } = await context.octokit.rest.issues.createComment(fields);
      return parseComment(data);
    },
    find,
  });
}
