import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BotProcess, startProcess } from '../support/demo/process.ts';
import { checkNamed, entry, openPull, outcomes, type Pull, pushed, reportOf, settle } from '../support/demo/stories.ts';
import { until } from '../support/demo/wait.ts';
import { REGISTRY_PASSWORD, type StandIns, startStandIns, WEBHOOK_SECRET } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const HF_TOKEN = 'hf_canaryOfTheServeTest';

let places: StandIns;
const processes: BotProcess[] = [];
beforeAll(async () => {
  places = await startStandIns({
    models: [tinyModel({ id: OPEN, shardBytes: 100_000 })],
    hubTokens: { [HF_TOKEN]: [] },
    variables: { SCAN: 'optional', PATH: '/nonexistent', HF_TOKEN },
  });
});
afterAll(async () => {
  await Promise.all(processes.map((bot) => bot.kill('SIGKILL')));
  await places.close();
});

function serve(variables: Record<string, string> = {}, command = 'serve'): BotProcess {
  const bot = startProcess([command], { ...places.settings, ...variables });
  processes.push(bot);
  return bot;
}

/** Everything that must never be shown, in the forms it may take. */
function secrets(): string[] {
  const key = (places.settings.PRIVATE_KEY ?? '').split('\n').filter((line) => line.length > 30);
  const plain = [WEBHOOK_SECRET, HF_TOKEN, REGISTRY_PASSWORD];
  return [...key, ...plain, Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64')];
}

function assertNoSecret(text: string): void {
  for (const secret of secrets()) expect(text.includes(secret), `shows ${secret.slice(0, 8)}…`).toBe(false);
}

describe('settings', () => {
  test('that are missing are listed all at once, and serve ends with 2', async () => {
    const bot = startProcess(['serve'], { HF_ENDPOINT: 'nonsense' });
    expect(await bot.exited).toBe(2);
    for (const name of ['WEBHOOK_SECRET', 'APP_ID', 'PRIVATE_KEY', 'HF_ENDPOINT']) expect(bot.stderr()).toContain(name);
  });

  test('of a worker name the database it has to share', async () => {
    const worker = serve({}, 'worker');
    expect(await worker.exited).toBe(2);
    expect(worker.stderr()).toContain('DATABASE_URL');
    assertNoSecret(worker.output());
  });
});

describe('serve, with GitHub, Hub and registry out of reach', () => {
  const nowhere = 'http://127.0.0.1:1';
  let bot: BotProcess;
  let url: string;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = join(places.settings.HOME ?? '', 'unreachable');
    bot = serve({ GITHUB_API_URL: nowhere, HF_ENDPOINT: nowhere, SOURCE_ALLOW: '127.0.0.1:1', DATA_DIR: dataDir });
    url = await bot.url;
  });

  const deliver = (body: string, headers: Record<string, string>) =>
    fetch(`${url}/api/github/webhooks`, { method: 'POST', body, headers }).then(({ status }) => status);
  const signed = (body: string) => ({
    'x-github-delivery': 'one',
    'x-github-event': 'pull_request',
    'x-hub-signature-256': `sha256=${createHmac('sha256', WEBHOOK_SECRET).update(body).digest('hex')}`,
  });
  const opened = JSON.stringify({
    action: 'opened',
    installation: { id: 1 },
    repository: { id: 1, name: 'models', owner: { login: 'acme' } },
    pull_request: { number: 1 },
  });

  test('answers /healthz, and takes webhooks', async () => {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await deliver(opened, signed(opened))).toBe(202);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  test('counts its jobs in /metrics, which is Prometheus text', async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const sample = /^[a-z_]+(\{[a-z]+="[a-z-]+"(,[a-z]+="[a-z-]+")*\})? \d+(\.\d+)?$/;
    for (const line of text.trimEnd().split('\n')) {
      if (!line.startsWith('#')) expect(line).toMatch(sample);
      else expect(line).toMatch(/^# (HELP [a-z_]+ .+|TYPE [a-z_]+ (gauge|counter))$/);
    }
    const reviews = [...text.matchAll(/_jobs\{queue="review",state="\w+"\} (\d+)/g)].map(([, count]) => Number(count));
    expect(reviews.reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  test('refuses what is not signed, not whole, or too large', async () => {
    expect(await deliver(opened, { ...signed(opened), 'x-hub-signature-256': 'sha256=00' })).toBe(401);
    expect(await deliver(opened, {})).toBe(400);
    expect((await fetch(`${url}/admin`)).status).toBe(404);
    const client = request(`${url}/api/github/webhooks`, {
      method: 'POST',
      headers: { 'content-length': 26 * 2 ** 20 },
    });
    client.on('error', () => undefined).flushHeaders();
    const [response] = await once(client, 'response');
    client.destroy();
    expect(response.statusCode).toBe(413);
  });

  test('does not share its folder', async () => {
    const second = serve({ DATA_DIR: dataDir });
    expect(await second.exited).toBe(2);
    expect(second.stderr().toLowerCase()).toContain('the bot is using this folder');
    assertNoSecret(second.output());
  });

  test('ends with 0 on SIGTERM, saying no secret', async () => {
    expect(await bot.kill('SIGTERM')).toBe(0);
    assertNoSecret(bot.output());
  });
});

describe('a bot that ends in mid-build', () => {
  let pull: Pull;
  let log = '';

  /** The weights of the next download do not come to an end. */
  const stall = () => places.hub?.fail({ fault: { kind: 'stall', bytes: 20_000 }, match: /^GET \/(?!api)/, times: 4 });
  const start = async (): Promise<{ bot: BotProcess; url: string }> => {
    const bot = serve();
    const url = await bot.url;
    places.github.setWebhookTarget(`${url}/api/github/webhooks`);
    return { bot, url };
  };
  const untilBuilding = () =>
    until('the weights to move', async () => {
      const checks = outcomes(await places.github.checks(pull.repo, pull.headSha));
      return checks['ended · slim'] === 'success' && checks['ended · fat'] === 'in_progress' ? true : null;
    });

  test('by SIGKILL: the next one goes on with the job and its own checks', async () => {
    const { bot } = await start();
    stall();
    pull = await openPull(places, 'ended', [entry(OPEN, 'ended')]);
    await untilBuilding();
    const before = await places.github.checks(pull.repo, pull.headSha);
    expect(await bot.kill('SIGKILL')).toBe('SIGKILL');
    log += bot.output();
    expect(pushed(places, 'acme/hf-ended').tags).toBe(0);
    const second = await start();
    // Still stalled: it is being built again, under the same check run.
    await until('the build to run again', async () => ((await counts(second.url)).running === 1 ? true : null));
    const after = await places.github.checks(pull.repo, pull.headSha);
    expect(after.map(({ id, name }) => [id, name])).toEqual(before.map(({ id, name }) => [id, name]));

    // And by SIGTERM: within ten seconds, with 0, the job handed back.
    const asked = performance.now();
    expect(await second.bot.kill('SIGTERM')).toBe(0);
    expect(performance.now() - asked).toBeLessThan(10_000);
    log += second.bot.output();
    places.hub?.clearFaults();
    const third = await start();
    await settle(places, third.url);
    const checks = await places.github.checks(pull.repo, pull.headSha);
    expect(checks.map(({ id, name }) => [id, name])).toEqual(before.map(({ id, name }) => [id, name]));
    expect(outcomes(checks)).toEqual({
      'models.yaml': 'success',
      'ended · slim': 'success',
      'ended · fat': 'success',
      scan: 'neutral',
      'model-images': 'success',
    });
    expect(checkNamed(checks, 'ended · fat').title).toBe('Built, not scanned');
    expect(await reportOf(places, pull)).toContain('2 images built');
    expect(await third.bot.kill('SIGTERM')).toBe(0);
    log += third.bot.output();
  });

  test('shows no secret anywhere, whatever happened', async () => {
    expect(log).toContain('Image built');
    assertNoSecret(log);
    assertNoSecret(JSON.stringify(await places.github.checks(pull.repo, pull.headSha)));
    assertNoSecret(JSON.stringify(await places.github.comments(pull.repo, pull.number)));
  });
});

async function counts(url: string): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(
    [...text.matchAll(/_builds\{state="(\w+)"\} (\d+)/g)].map(([, state, count]) => [state, Number(count)]),
  );
}
