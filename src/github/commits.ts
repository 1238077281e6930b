import { z } from 'zod';
import { at, type GitHubContext, nameOf } from './context.ts';
import { naming, orNull } from './errors.ts';
import type { Repo } from './types.ts';

const commitAnswer = z.object({ committer: z.object({ date: z.string() }) });
const objectAnswer = z.object({ object: z.object({ sha: z.string(), type: z.string() }) });
const pullAnswer = z.object({
  number: z.number(),
  merged_at: z.string().nullish(),
  base: z.object({
    ref: z.string(),
    repo: z.object({ full_name: z.string(), default_branch: z.string() }),
  }),
});

/** Milliseconds since the epoch, of the committer: the author's date is what a rebase leaves behind. */
export function commitTime({ octokit }: GitHubContext, repo: Repo, sha: string): Promise<number> {
  return naming(`reading commit ${sha.slice(0, 12)} of ${nameOf(repo)}`, async () => {
    const { data } = await octokit.rest.git.getCommit({ ...at(repo), commit_sha: sha });
    return z
      .number()
      .int()
      .parse(Date.parse(commitAnswer.parse(data).committer.date));
  });
}

/** In ascending order. A fork's answer also names pull requests of the repository it came from; those are not ours. */
export function mergedPulls({ octokit }: GitHubContext, repo: Repo, sha: string): Promise<number[]> {
  return naming(`listing pull requests of commit ${sha.slice(0, 12)} of ${nameOf(repo)}`, async () => {
    const list = await octokit.paginate(octokit.rest.repos.listPullRequestsAssociatedWithCommit, {
      ...at(repo),
      commit_sha: sha,
      per_page: 100,
    });
    return list
      .map((pull) => pullAnswer.parse(pull))
      .filter(({ merged_at: mergedAt }) => typeof mergedAt === 'string')
      .filter(({ base }) => base.repo.full_name.toLowerCase() === nameOf(repo).toLowerCase())
      .filter(({ base }) => base.ref === base.repo.default_branch)
      .map(({ number }) => number)
      .sort((a, b) => a - b);
  });
}

/** A name that starts with `refs/` is taken as it is; of a tag and a branch with one name, git takes the tag, and so do we. */
export async function resolveRef(context: GitHubContext, repo: Repo, ref: string): Promise<string | null> {
  const names = ref.startsWith('refs/') ? [ref.slice('refs/'.length)] : [`tags/${ref}`, `heads/${ref}`];
  for (const name of names) {
    const sha = await commitOf(context, repo, name);
    if (sha !== null) return sha;
  }
  return null;
}

/** An annotated tag names a tag object, which names the commit, or another tag. */
const TAG_DEPTH = 5;

async function commitOf({ octokit }: GitHubContext, repo: Repo, name: string): Promise<string | null> {
  const what = `reading ${name} of ${nameOf(repo)}`;
  const answer = await orNull(what, () => octokit.rest.git.getRef({ ...at(repo), ref: name }));
  if (answer === null) return null;
  return naming(what, async () => {
    let { object } = objectAnswer.parse(answer.data);
    for (let depth = 0; object.type === 'tag' && depth < TAG_DEPTH; depth += 1) {
      const { data } = await octokit.rest.git.getTag({ ...at(repo), tag_sha: object.sha });
      ({ object } = objectAnswer.parse(data));
    }
    return object.type === 'commit' ? object.sha : null;
  });
}
