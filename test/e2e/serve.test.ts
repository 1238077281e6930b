import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertNoSecret, type BotProcess, startProcess } from '../support/demo/process.ts';
import { checkNamed, entry, openPull, outcomes, type Pull, pushed, reportOf, settle } from '../support/demo/stories.ts';
import { until } from '../support/demo/wait.ts';
import { type StandIns, startStandIns, WEBHOOK_SECRET } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const HF_TOKEN = 'hf_canaryOfTheServeTest';

let places: StandIns;
const processes: BotProcess[] = [];
/** A server that takes connections and never says a word. */
const silent = createServer();
const silenced: Socket[] = [];
let silentUrl = '';

beforeAll(async () => {
  places = await startStandIns({
    models: [tinyModel({ id: OPEN, shardBytes: 100_000 })],
    hubTokens: { [HF_TOKEN]: [] },
    variables: { SCAN: 'optional', PATH: '/nonexistent', HF_TOKEN },
  });
  silent.on('connection', (socket) => void silenced.push(socket.on('error', () => undefined)));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const address = silent.address();
  if (address !== null && typeof address === 'object') silentUrl = `http://127.0.0.1:${address.port}`;
});
afterAll(async () => {
  await Promise.all(processes.map((bot) => bot.kill('SIGKILL')));
  for (const socket of silenced) socket.destroy();
  silent.close();
  await places.close();
});

function start(variables: Record<string, string> = {}, command = 'serve'): BotProcess {
  const NODE_COMPILE_CACHE = join(places.settings.HOME ?? '', 'compiled');
  const bot = startProcess([command], { ...places.settings, NODE_COMPILE_CACHE, ...variables });
  processes.push(bot);
  return bot;
}

/** Milliseconds from SIGTERM to the end, which has to be a good one. */
async function terminate(bot: BotProcess): Promise<number> {
  const asked = performance.now();
  expect(await bot.kill('SIGTERM')).toBe(0);
  return performance.now() - asked;
}

const sign = (body: string) => `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`;
const OPENED = JSON.stringify({
  action: 'opened',
  installation: { id: 1 },
  repository: { id: 1, name: 'models', owner: { login: 'acme' } },
  pull_request: { number: 1 },
});

async function deliver(url: string, headers: Record<string, string> = {}): Promise<number> {
  const { status } = await fetch(`${url}/api/github/webhooks`, {
    method: 'POST',
    body: OPENED,
    headers: {
      'x-github-delivery': 'one',
      'x-github-event': 'pull_request',
      'x-hub-signature-256': sign(OPENED),
      ...headers,
    },
  });
  return status;
}

/** The status of a webhook of which only the headers come, telling how long it will be. */
async function declare(url: string, bytes: number): Promise<number> {
  const client = request(`${url}/api/github/webhooks`, { method: 'POST', headers: { 'content-length': bytes } });
  client.on('error', () => undefined).flushHeaders();
  const [response] = await once(client, 'response');
  client.destroy();
  return response.statusCode;
}

// Processes that mostly wait: they do it together.
describe.concurrent('the bot as a process', { timeout: 180_000 }, () => {
  test('lists all missing and wrong settings at once, and ends with 2', async () => {
    const bot = startProcess(['serve'], { HF_ENDPOINT: 'nonsense' });
    expect(await bot.exited).toBe(2);
    for (const name of ['WEBHOOK_SECRET', 'APP_ID', 'PRIVATE_KEY', 'HF_ENDPOINT']) expect(bot.stderr()).toContain(name);
  });

  test('a worker without a database to share ends with 2 and names the setting', async () => {
    const worker = start({}, 'worker');
    expect(await worker.exited).toBe(2);
    expect(worker.stderr()).toContain('DATABASE_URL');
    assertNoSecret(worker.output(), places.settings);
  });

  test('is alive, takes webhooks and ends within ten seconds while GitHub, Hub and registry are out of reach', async () => {
    const DATA_DIR = join(places.settings.HOME ?? '', 'unreachable');
    const nowhere = { HF_ENDPOINT: 'http://127.0.0.1:1', SOURCE_ALLOW: '127.0.0.1:1' };
    const bot = start({ ...nowhere, GITHUB_API_URL: silentUrl, DATA_DIR });
    const url = await bot.url;
    const alive = async () => (await fetch(`${url}/healthz`)).status;
    expect(await alive()).toBe(200);
    expect(await deliver(url)).toBe(202);
    await until('the bot to wait for GitHub', async () => (silenced.length > 0 ? true : null));
    expect(await alive()).toBe(200);

    expect(await deliver(url, { 'x-hub-signature-256': 'sha256=00' })).toBe(401);
    expect(await deliver(url, { 'x-github-event': '' })).toBe(400);
    expect(await declare(url, 26 * 2 ** 20)).toBe(413);
    expect((await fetch(`${url}/admin`)).status).toBe(404);

    const metrics = await (await fetch(`${url}/metrics`)).text();
    const sample = /^[a-z_]+(\{[a-z]+="[a-z-]+"(,[a-z]+="[a-z-]+")*\})? \d+(\.\d+)?$/;
    for (const line of metrics.trimEnd().split('\n')) {
      expect(line).toMatch(line.startsWith('#') ? /^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (gauge|counter))$/ : sample);
    }
    const reviews = [...metrics.matchAll(/_jobs\{queue="review",state="\w+"\} (\d+)/g)].map(([, count]) =>
      Number(count),
    );
    expect(reviews.reduce((sum, count) => sum + count, 0)).toBe(1);

    const second = start({ DATA_DIR });
    expect(await second.exited).toBe(2);
    expect(second.stderr().toLowerCase()).toContain('the bot is using this folder');
    assertNoSecret(second.output(), places.settings);

    expect(await terminate(bot)).toBeLessThan(10_000);
    assertNoSecret(bot.output(), places.settings);
  });

  test('killed or stopped in mid-build, is followed by one that finishes the job under the same checks', async () => {
    const serve = async () => {
      const bot = start();
      const url = await bot.url;
      places.github.setWebhookTarget(`${url}/api/github/webhooks`);
      return { bot, url };
    };
    const first = await serve();
    // The weights of the next downloads do not come to an end.
    places.hub?.fail({ fault: { kind: 'stall', bytes: 20_000 }, match: /^GET \/(?!api)/, times: 4 });
    const pull = await openPull(places, 'ended', [entry(OPEN, 'ended')]);
    const checks = () => places.github.checks(pull.repo, pull.headSha);
    await until('the weights to move', async () => {
      const seen = outcomes(await checks());
      return seen['ended · slim'] === 'success' && seen['ended · fat'] === 'in_progress' ? true : null;
    });
    const before = identities(await checks());
    expect(await first.bot.kill('SIGKILL')).toBe('SIGKILL');
    expect(pushed(places, 'acme/hf-ended').tags).toBe(0);

    const second = await serve();
    await until('the build to run again', async () => ((await running(second.url)) === 1 ? true : null));
    expect(identities(await checks())).toEqual(before);
    expect(await terminate(second.bot)).toBeLessThan(10_000);

    places.hub?.clearFaults();
    const third = await serve();
    await settle(places, third.url);
    expect(identities(await checks())).toEqual(before);
    expect(outcomes(await checks())).toEqual({
      'models.yaml': 'success',
      'ended · slim': 'success',
      'ended · fat': 'success',
      scan: 'neutral',
      'model-images': 'success',
    });
    expect(checkNamed(await checks(), 'ended · fat').title).toBe('Built, not scanned');
    expect(await reportOf(places, pull)).toContain('2 images built');
    await terminate(third.bot);

    const log = [first, second, third].map(({ bot }) => bot.output()).join('');
    expect(log).toContain('Image built');
    await assertQuiet(pull, log);
  });
});

const identities = (checks: { id: number; name: string }[]) => checks.map(({ id, name }) => `${id} ${name}`);

/** Builds in the ledger that run. */
async function running(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/_builds\{state="running"\} (\d+)/.exec(text)?.[1] ?? 0);
}

/** No secret in the log, nor in anything on the pull request. */
async function assertQuiet(pull: Pull, log: string): Promise<void> {
  assertNoSecret(log, places.settings);
  assertNoSecret(JSON.stringify(await places.github.checks(pull.repo, pull.headSha)), places.settings);
  assertNoSecret(JSON.stringify(await places.github.comments(pull.repo, pull.number)), places.settings);
}
