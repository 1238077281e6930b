import { z } from 'zod';
import { at, type GitHubContext, nameOf } from './context.ts';
import { naming, orNull } from './errors.ts';
import { cutCharacters, RELEASE_CHARACTERS } from './limits.ts';
import type { Release, Repo } from './types.ts';

const releaseAnswer = z.object({
  id: z.number(),
  tag_name: z.string(),
  draft: z.boolean(),
  prerelease: z.boolean(),
  body: z.string().nullish(),
  author: z.object({ login: z.string() }).nullish(),
});

/** GitHub does not find drafts by their tag. */
export async function readRelease({ octokit }: GitHubContext, repo: Repo, tag: string): Promise<Release | null> {
  const what = `reading release ${tag} of ${nameOf(repo)}`;
  const answer = await orNull(what, () => octokit.rest.repos.getReleaseByTag({ ...at(repo), tag }));
  if (answer === null) return null;
  return naming(what, async () => {
    const { id, tag_name, draft, prerelease, body, author } = releaseAnswer.parse(answer.data);
    return { id, tag: tag_name, draft, prerelease, body: body ?? '', authorLogin: author?.login ?? 'ghost' };
  });
}

/** Only the text: name, tag and state stay as they are. */
export async function writeRelease({ octokit }: GitHubContext, repo: Repo, id: number, body: string): Promise<void> {
  const text = cutCharacters(body, RELEASE_CHARACTERS);
  await naming(`writing the text of release ${id} of ${nameOf(repo)}`, () =>
    octokit.rest.repos.updateRelease({ ...at(repo), release_id: id, body: text }),
  );
}
