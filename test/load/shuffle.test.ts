import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { botComments, catalogOf, createTeam, entry, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import type { RepoName } from '../support/github/index.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const CHAT = 'acme/tiny-chat';
const CODE = 'acme/tiny-code';

let world: World;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: CHAT }), tinyModel({ id: CODE })],
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4' },
    settings: ({ registry }) => ({ PUBLISH_ALLOW: `acme=${registry.host}/acme/**` }),
  });
});
afterAll(() => world.close());

test('whatever the order of deliveries, checks and comments end as in the orderly run', {
  timeout: 90_000,
}, async () => {
  const orderly = await story('orderly', () => 0, true);
  expect(orderly.pulls.map(({ conclusions }) => conclusions)).toMatchObject([
    { 'one · slim': 'success', 'two · fat': 'success', 'model-images': 'success' },
    { 'models.yaml': 'failure', 'model-images': 'failure' },
    { 'three · slim': 'success', 'model-images': 'success' },
  ]);
  let run = 0;
  const tapes = fc.array(fc.nat({ max: 9_999 }), { minLength: 80, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(tapes, async (tape) => {
      let at = 0;
      run += 1;
      const seen = await story(`shuffled-${run}`, () => tape[at++ % tape.length] ?? 0, false);
      expect(seen).toEqual(orderly);
    }),
    { numRuns: Number(process.env.SHUFFLES ?? 3), endOnFailure: true },
  );
});

interface Ending {
  pulls: { conclusions: Record<string, string>; checks: object[]; comments: string[] }[];
  /** Checks of any commit that never concluded. */
  unfinished: string[];
}

/**
 * Two pushes in a row and a push back; a pull request retargeted; one that passes and duplicates another's `short`; a merge. `random`
 * decides which deliveries come when, and which come again.
 */
async function story(name: string, random: () => number, inOrder: boolean): Promise<Ending> {
  const { github } = world;
  // A registry repository has one catalog: each story has its own.
  const catalog = (models: string[]) => catalogOf(world, models).replace('/{owner}"', `/{owner}/${name}"`);
  const { repo } = await createTeam(world, name, catalog([]));
  await settle(world, world.bot.url);
  await github.commitFiles(repo, 'other', { 'README.md': 'Another branch' });
  const post = mail(repo, random, inOrder);
  const open = (branch: string, models: string[], base = 'main') =>
    github.openPullRequest(repo, { title: branch, branch, base, files: { 'models.yaml': catalog(models) } });
  const push = (number: number, models: string[]) =>
    github.pushToPullRequest(repo, number, { 'models.yaml': catalog(models) });

  const first = await post.after(() => open('first', [entry(CHAT, 'zero')]));
  const kept = await post.after(() => push(first.number, [entry(CHAT, 'one'), entry(CODE, 'two')]));
  const third = await post.after(() => open('third', [entry(CHAT, 'three')], 'other'));
  const dropped = await post.after(() => push(first.number, [entry(CODE, 'one')]));
  await post.after(() => github.forcePush(repo, first.number, kept));
  const second = await post.after(() => open('second', [entry(CHAT, 'two')]));
  await post.after(() => github.retargetPullRequest(repo, third.number, 'main'));
  // Nobody merges what has not concluded.
  await post.deliverAll();
  await settle(world, world.bot.url);
  await post.after(() => github.mergePullRequest(repo, first.number));
  await post.deliverAll();
  await settle(world, world.bot.url);

  const heads = new Map([
    [kept, 'KEPT'],
    [dropped, 'DROPPED'],
    [first.headSha, 'FIRST'],
    [second.headSha, 'SECOND'],
    [third.headSha, 'THIRD'],
  ]);
  // The hash in the marker is that of the text with the commit in it.
  const anonymous = (text: string) =>
    [...heads]
      .reduce((rest, [sha, word]) => rest.replaceAll(sha, word).replaceAll(sha.slice(0, 12), word), text)
      .replaceAll(name, 'NAME')
      .replace(/(?<=<sub>Commit `)[0-9a-f]{12}(?=`)/, 'MERGED')
      .replace(/^\| (?:Moved|Took) \|.*\n?/gm, '')
      .replace(/sha256=[0-9a-f]{32} -->/, '-->');
  const pulls: Ending['pulls'] = [];
  for (const [number, headSha] of [
    [first.number, kept],
    [second.number, second.headSha],
    [third.number, third.headSha],
  ] as const) {
    const checks = await github.checks(repo, headSha);
    const comments = await botComments(world, { repo, repoId: 0, number, headSha });
    pulls.push({
      conclusions: Object.fromEntries(checks.map((check) => [check.name, check.conclusion ?? check.status])),
      checks: checks
        .map(({ name: check, title, summary, annotations, actions }) => ({
          check,
          title,
          summary: anonymous(summary ?? ''),
          annotations,
          actions,
        }))
        .sort((a, b) => (a.check < b.check ? -1 : 1)),
      comments: comments.map(({ body }) => anonymous(body)),
    });
  }
  const unfinished: string[] = [];
  for (const [sha, word] of heads) {
    for (const check of await github.checks(repo, sha)) {
      if (check.status !== 'completed') unfinished.push(`${word} ${check.name}`);
    }
  }
  return { pulls, unfinished };
}

/** Holds back what GitHub sends of a repository, and delivers it as told. */
function mail(repo: RepoName, random: () => number, inOrder: boolean) {
  const { github } = world;
  const target = `${world.bot.url}/api/github/webhooks`;
  const pending: number[] = [];
  const past: number[] = [];

  async function deliver(ids: readonly number[]): Promise<void> {
    github.setWebhookTarget(target);
    // One by one or at once.
    if (random() % 2 === 0) for (const id of ids) await github.redeliver(id);
    else await Promise.all(ids.map((id) => github.redeliver(id)));
    past.push(...ids);
  }
  const take = () => pending.splice(random() % pending.length, 1);

  return {
    async after<T>(act: () => Promise<T>): Promise<T> {
      github.setWebhookTarget(null);
      const from = github.deliveries.length;
      const result = await act();
      const isOurs = (body: string) => body.includes(`"full_name":"${repo.owner}/${repo.name}"`);
      const fresh = github.deliveries.slice(from).filter(({ body }) => isOurs(body));
      pending.push(...fresh.map(({ id }) => id));
      if (inOrder) {
        await deliver(pending.splice(0));
        await settle(world, world.bot.url);
        return result;
      }
      const some: number[] = [];
      while (pending.length > 0 && random() % 3 > 0) some.push(...take());
      if (past.length > 0 && random() % 3 === 0) some.push(past[random() % past.length] ?? 0);
      await deliver(some);
      return result;
    },
    async deliverAll(): Promise<void> {
      const rest: number[] = [];
      while (pending.length > 0) rest.push(...take());
      await deliver(rest);
      if (inOrder) return;
      // Some of them once more, under ids of their own.
      for (let again = 0; again < 3; again++) {
        const id = past[random() % past.length];
        if (id !== undefined) await github.redeliver(id, `again-${repo.name}-${again}-${random()}`);
      }
    },
  };
}
