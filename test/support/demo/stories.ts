import { OWNER_TAG } from '../../../src/publish/ownership.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { parseManifestContent } from '../../../src/registry/schema.ts';
import { COMMENT_MARKER } from '../../../src/review/conclude-job.ts';
import type { CheckView, CommentView, RepoName } from '../github/index.ts';
import { until } from './wait.ts';
import { REPO, type StandIns } from './world.ts';

/** What people do with the bot, and what they see of it, in a few words each. */

type Places = Pick<StandIns, 'github' | 'registry' | 'baseReference'>;

export interface Pull {
  repo: RepoName;
  repoId: number;
  number: number;
  headSha: string;
}

/** The text of a catalog; `models` and `defaults` are lines as they stand in it. */
export function catalogOf(
  { baseReference, registry }: Omit<Places, 'github'>,
  models: string[],
  defaults: string[] = [],
): string {
  return [
    'defaults:',
    `  base_image: "${baseReference}"`,
    `  registries: {local: "${registry.host}/{owner}"}`,
    '  publish: {local: true}',
    ...defaults.map((line) => `  ${line}`),
    models.length === 0 ? 'models: []' : `models:\n${models.join('\n')}`,
    '',
  ].join('\n');
}

export const entry = (id: string, short: string, ...more: string[]): string =>
  [`  - id: "${id}"`, `    short: "${short}"`, ...more.map((line) => `    ${line}`)].join('\n');

/** A repository with an empty catalog. */
export async function createTeam(
  places: Places,
  name: string,
  catalog?: string,
): Promise<{ repo: RepoName; id: number }> {
  const repo = { owner: REPO.owner, name };
  const { id } = await places.github.createRepo(repo, { files: { 'models.yaml': catalog ?? catalogOf(places, []) } });
  return { repo, id };
}

/** A repository of its own with a pull request that adds these models. */
export async function openPull(places: Places, name: string, models: string[], defaults: string[] = []): Promise<Pull> {
  const { repo, id } = await createTeam(places, name);
  const opened = await places.github.openPullRequest(repo, {
    title: 'Add models',
    branch: 'add-models',
    files: { 'models.yaml': catalogOf(places, models, defaults) },
    author: 'maintainer',
  });
  return { repo, repoId: id, ...opened };
}

/** Name → conclusion, or status while there is none. */
export function outcomes(checks: readonly CheckView[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, status, conclusion }) => [name, conclusion ?? status]));
}

export function checkNamed(checks: readonly CheckView[], name: string): CheckView {
  const check = checks.find((candidate) => candidate.name === name);
  if (check === undefined) throw new Error(`no check ${name} among ${checks.map((one) => one.name).join(', ')}`);
  return check;
}

/** The bot's own comments of a pull request. */
export async function botComments({ github }: Places, { repo, number }: Pull): Promise<CommentView[]> {
  const comments = await github.comments(repo, number);
  return comments.filter(({ author }) => author === `${github.appSlug}[bot]`);
}

/** The sticky comment. */
export async function reportOf(places: Places, pull: Pull): Promise<string> {
  const reports = (await botComments(places, pull)).filter(({ body }) => body.includes(`:${COMMENT_MARKER} `));
  if (reports.length > 1) throw new Error(`${reports.length} reports instead of one`);
  return reports[0]?.body ?? '';
}

/** Waits until every delivery is answered and every job of the bot has ended. */
export async function settle(places: Places, botUrl: string | null, timeoutMs = 30_000): Promise<void> {
  await places.github.settled();
  await until(
    'the queue to be empty',
    async () => {
      const text = await (await fetch(`${botUrl}/metrics`)).text();
      const waiting = [...text.matchAll(/_jobs\{[^}]*state="(?:queued|active)"\} (\d+)/g)].map(([, count]) =>
        Number(count),
      );
      return waiting.length > 0 && waiting.every((count) => count === 0) ? true : null;
    },
    timeoutMs,
    25,
  );
  await places.github.settled();
}

/** Checks that an image is in the registry whole: every manifest and blob below the digest is there and matches. Returns the layers' sizes. */
export function assertWhole({ registry }: Pick<StandIns, 'registry'>, repository: string, digest: string): number[] {
  const { storage } = registry;
  const found = storage.manifest(repository, digest);
  if (found === null || digestOf(found.bytes) !== digest) throw new Error(`${repository}@${digest} is not there`);
  const content = parseManifestContent({ ...found, digest: digestOf(found.bytes) });
  if (content.kind === 'index') {
    return content.index.manifests.flatMap((inner) => assertWhole({ registry }, repository, inner.digest));
  }
  for (const { digest: blob, size } of [content.manifest.config, ...content.manifest.layers]) {
    const bytes = storage.blob(repository, blob);
    if (bytes === null || bytes.length !== size || digestOf(bytes) !== blob)
      throw new Error(`blob ${blob} is not whole`);
  }
  return content.manifest.layers.map(({ size }) => size);
}

/** What a registry repository holds besides blobs. */
export function pushed({ registry }: Places, repository: string): { manifests: number; tags: number } {
  const found = registry.storage.repositories.get(repository);
  return { manifests: found?.manifests.size ?? 0, tags: found?.tags.size ?? 0 };
}

/** Tag → digest of a repository's images, without the tags of what lies beside them. */
export function imageTagsOf({ registry }: Pick<Places, 'registry'>, repository: string): Record<string, string> {
  const tags = [...(registry.storage.repositories.get(repository)?.tags ?? [])];
  return Object.fromEntries(tags.filter(([tag]) => tag !== OWNER_TAG && !tag.startsWith('sha256-')));
}
