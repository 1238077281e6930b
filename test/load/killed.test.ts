import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BotProcess, startProcess } from '../support/demo/process.ts';
import { assertWhole, botComments, entry, openPull, outcomes, reportOf, settle } from '../support/demo/stories.ts';
import { type StandIns, startStandIns } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const MODEL = 'acme/tiny-killed';
/** How often; KILLS=100 is for a long evening. */
const KILLS = Number(process.env.KILLS ?? 6);
/** Kills before a pull request is let come to its end. */
const PER_PULL = KILLS > 10 ? 1 : 3;
/** Kills before everything begins anew: the emulator behind the stand-in answers 5,000 requests an hour, like GitHub. */
const BATCH = 24;
/** The moments killed at, in milliseconds from the delivery; a build is over after about this long. */
const SPAN = 1_400;

let places: StandIns;
let bot: BotProcess;
let url = '';
beforeEach(async () => {
  places = await startStandIns({
    models: [tinyModel({ id: MODEL })],
    variables: { SCAN: 'optional', PATH: '/nonexistent', MAX_BUILDS_PER_OWNER: '4', LOG_LEVEL: 'warn' },
  });
  await start();
});
afterEach(async () => {
  await bot.kill('SIGKILL');
  await places.close();
});

async function start(): Promise<void> {
  const NODE_COMPILE_CACHE = join(places.settings.HOME ?? '', 'compiled');
  bot = startProcess(['serve'], { ...places.settings, NODE_COMPILE_CACHE });
  url = await bot.url;
  places.github.setWebhookTarget(`${url}/api/github/webhooks`);
}

const batches = Array.from({ length: Math.ceil(KILLS / BATCH) }, (_, at) => Math.min(BATCH, KILLS - at * BATCH));
test.each(batches)(
  'killed %i times in mid-work, the bot says the same in the end, once',
  {
    timeout: 30_000 + BATCH * 20_000,
  },
  async (kills) => {
    // Each upload takes a moment, so that there is something to interrupt.
    places.registry.faults.push({ kind: 'slow', ms: 40, path: /hf-k.*(uploads|manifests)/, times: 1_000_000 });
    for (let round = 0; round * PER_PULL < kills; round++) {
      const name = `k-${round}`;
      const pull = await openPull(places, name, [entry(MODEL, name)]);
      const moments: number[] = [];
      for (let kill = round * PER_PULL; kill < (round + 1) * PER_PULL; kill++) {
        // One moment in each part of the span, wherever in it.
        const parts = Math.min(10, KILLS);
        const moment = Math.round(((kill % parts) + Math.random()) * (SPAN / parts));
        moments.push(moment);
        await delay(moment);
        expect(await bot.kill('SIGKILL')).toBe('SIGKILL');
        await places.github.settled();
        await start();
        await redeliverLost();
      }
      await settle(places, url, 60_000).catch(async (error: unknown) => {
        const metrics = await (await fetch(`${url}/metrics`)).text();
        throw new Error(`${moments.join(', ')} ms, round ${round}: ${metrics}\n${bot.output()}`, { cause: error });
      });
      const when = `killed after ${moments.join(', ')} ms, round ${round}`;
      const checks = await places.github.checks(pull.repo, pull.headSha);
      expect(outcomes(checks), when).toEqual({
        'models.yaml': 'success',
        [`${name} · slim`]: 'success',
        [`${name} · fat`]: 'success',
        scan: 'neutral',
        'model-images': 'success',
      });
      expect(checks, when).toHaveLength(5);
      expect(await botComments(places, pull), when).toHaveLength(1);
      const references = [...(await reportOf(places, pull)).matchAll(/`[^/`]+\/([^@`]+)@(sha256:[0-9a-f]{64})`/g)];
      expect(references.length, when).toBeGreaterThanOrEqual(2);
      for (const [, repository = '', digest = ''] of references) assertWhole(places, repository, digest);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(count(metrics, /_jobs\{[^}]*state="failed"\} (\d+)/g), when).toBe(0);
      expect(count(metrics, /_builds\{state="succeeded"\} (\d+)/g), when).toBe(2 * (round + 1));
      expect(count(metrics, /_builds\{state="(?:queued|running|failed|cancelled)"\} (\d+)/g), when).toBe(0);
    }
  },
);

/** GitHub does not repeat what nobody answered; whoever runs the bot does. */
async function redeliverLost(): Promise<void> {
  const { github } = places;
  const answered = new Set(github.deliveries.filter(({ status }) => status === 202).map(({ guid }) => guid));
  for (const { id, guid, status } of [...github.deliveries]) {
    if (status !== 202 && !answered.has(guid)) await github.redeliver(id);
  }
}

const count = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].reduce((sum, [, number]) => sum + Number(number), 0);
