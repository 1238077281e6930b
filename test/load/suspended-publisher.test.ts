import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { catalogOf, createTeam, entry, imageTagsOf, settle } from '../support/demo/stories.ts';
import { until } from '../support/demo/wait.ts';
import { type StandIns, startStandIns } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres/postgres.ts';

const OPEN = 'acme/tiny-chat';
const BOT = fileURLToPath(new URL('../support/publishing/bot-process.ts', import.meta.url));
const bin = await findPostgres();

interface Suspendable {
  url: string;
  child: ChildProcess;
}

describe.skipIf(bin === null)('two bots on one PostgreSQL (skipped where this machine has none)', () => {
  let postgres: TestPostgres;
  let places: StandIns;
  const bots: Suspendable[] = [];

  beforeAll(async () => {
    postgres = await startPostgres(bin ?? '');
    places = await startStandIns({ models: [tinyModel({ id: OPEN })], variables: { SCAN: 'optional' } });
  });
  afterEach(async () => {
    for (const { child } of bots.splice(0)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  afterAll(async () => {
    await places.close();
    await postgres.stop();
  });

  async function start(databaseUrl: string): Promise<Suspendable> {
    const env = { ...places.settings, DATABASE_URL: databaseUrl, PATH: '/nonexistent' };
    const child = spawn(process.execPath, [BOT], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const url = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (data: Buffer) => {
        said += data;
        const found = /Listening on (\S+)\n/.exec(said)?.[1];
        if (found !== undefined) resolve(found);
      });
      child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
    });
    const bot = { url, child };
    bots.push(bot);
    places.github.setWebhookTarget(`${url}/api/github/webhooks`);
    return bot;
  }

  const serving = (short: string, port: number) =>
    catalogOf(places, [entry(OPEN, short, `serve_args: ["--port", "${port}"]`)]);
  const tagsOf = (short: string) => imageTagsOf(places, `acme/hf-${short}`);
  const named = (tags: Record<string, string>, pattern: RegExp) =>
    Object.entries(tags).flatMap(([tag, digest]) => (pattern.test(tag) ? [digest] : []));

  // Held at the look before its first tag, nothing of the old publication may be written any more; held while the registry has its PUT
  // already, the old tag appears after the new one, and has to be put right.
  test.each([
    { when: 'before its tag', method: 'HEAD', holdMs: 2_000 },
    { when: 'while its tag is being written', method: 'PUT', holdMs: 45_000 },
  ])(
    'one that is suspended $when and goes on after its lease ended: the tags end at what was merged last',
    async ({ method, holdMs }) => {
      const short = `suspended-${method.toLowerCase()}`;
      const { repo } = await createTeam(places, short);
      const database = await postgres.database();
      const first = await start(database);
      const tag = new RegExp(`/acme/hf-${short}/manifests/v1\\.2\\.3-slim$`);
      // The first HEAD reads all tags before anything is written; the second is the look right before the tag moves.
      const nth = method === 'HEAD' ? 2 : 1;
      const met = () => places.registry.requests.filter((one) => one.method === method && tag.test(one.path)).length;
      if (nth === 2) places.registry.faults.push({ kind: 'slow', ms: 1, method, path: tag });
      places.registry.faults.push({ kind: 'slow', ms: holdMs, method, path: tag });
      await places.github.commitFiles(repo, 'main', { 'models.yaml': serving(short, 1) });
      await until('the first one to reach its tag', async () => (met() >= nth ? true : null), 120_000, 10);
      first.child.kill('SIGSTOP');

      const second = await start(database);
      await places.github.commitFiles(repo, 'main', { 'models.yaml': serving(short, 2) });
      const published = await until(
        'the second to be published',
        async () => {
          const tags = tagsOf(short);
          const moving = new Set([...named(tags, /^v1\.2\.3-/), ...named(tags, /^r[0-9a-f]{40}-/)]);
          return moving.size === 2 && named(tags, /^v1\.2\.3-/).length === 2 ? tags : null;
        },
        120_000,
        50,
      );
      const wanted = Object.fromEntries(Object.entries(published).filter(([name]) => !name.startsWith('i')));
      const moving = () => Object.fromEntries(Object.entries(tagsOf(short)).filter(([name]) => !name.startsWith('i')));
      if (method === 'PUT') {
        const isLate = async () => (moving()['v1.2.3-slim'] === wanted['v1.2.3-slim'] ? null : true);
        await until('the old tag to appear', isLate, 2 * holdMs, 50);
      }
      first.child.kill('SIGCONT');
      const isRight = async () => (isDeepStrictEqual(moving(), wanted) ? true : null);
      await until('the tags to be right', isRight, 60_000, 50);
      await delay(5_000);
      await settle(places, second.url, 120_000);
      expect(moving()).toEqual(wanted);
    },
  );
});
