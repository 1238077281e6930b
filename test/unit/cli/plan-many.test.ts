import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startCli, type Told } from '../../support/cli/cli.ts';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { manyEntries, manyModels } from '../../support/hub/many.ts';

const COUNT = 60;
/** What the Hub may be asked about a model without parents and with up to 100 files. */
const BUDGET = 8;

let stage: Stage;
let data: string;
beforeAll(async () => {
  stage = await startStage(manyModels(COUNT));
  data = join(stage.folder, 'data');
});
beforeEach(async () => {
  await rm(data, { recursive: true, force: true });
  stage.hub.clearFaults();
  stage.hub.requests.length = 0;
});
afterAll(() => stage.close());

const catalog = (name: string, count: number, changed: number | null = null) => {
  const entries = manyEntries(count, changed).map((entry) => `  - ${JSON.stringify(entry)}\n`);
  return stage.catalog(name, entries.join(''));
};
const planned = z.object({
  targets: z.array(z.object({ model: z.object({ short: z.string() }), action: z.string() })),
});
const brief = (told: Told) => planned.parse(told.json()).targets.map(({ model, action }) => `${model.short} ${action}`);
const cached = () => readdir(join(data, 'cache', 'hub'));

describe('plan of many models', () => {
  it('of which one changed asks about that one only', async () => {
    const before = await catalog('before', 1000);
    const after = await catalog('after', 1000, 49);
    const told = await stage.cli(['plan', '--json', '--catalog', after, '--base', before]);
    expect([told.code, brief(told)]).toEqual([0, ['m0050 build', 'm0050 build']]);
    expect(stage.hub.requests.length).toBeLessThanOrEqual(BUDGET);
    expect(stage.hub.requests.every(({ path }) => path.includes('acme/m0050'))).toBe(true);
  });

  it('asks twice a model once it knows them, and says the same', async () => {
    const argv = ['plan', '--json', '--catalog', await catalog('all', COUNT)];
    const first = await stage.cli(argv);
    expect(brief(first)).toHaveLength(2 * COUNT);
    expect(stage.hub.requests.length).toBeLessThanOrEqual(BUDGET * COUNT);
    stage.hub.requests.length = 0;
    expect((await stage.cli(argv)).stdout).toBe(first.stdout);
    expect(stage.hub.requests).toHaveLength(2 * COUNT);
    expect(stage.hub.requests.every(({ headers }) => headers['if-none-match'] !== undefined)).toBe(true);
  });

  it('lists all but those the Hub did not answer for, and those too', async () => {
    stage.hub.fail({ fault: { kind: 'status', status: 500 }, match: /acme\/m000[12]\//, times: 99 });
    stage.hub.fail({ fault: { kind: 'drop' }, match: /tree.*|acme\/m0003\/tree/, times: 1 });
    const told = await stage.cli(['plan', '--json', '--catalog', await catalog('all', COUNT)]);
    expect(told.code).toBe(3);
    const failed = ['m0001 fail', 'm0001 fail', 'm0002 fail', 'm0002 fail'];
    expect(brief(told).filter((line) => line.endsWith('fail'))).toEqual(failed);
    expect(brief(told)).toHaveLength(2 * COUNT);
  });

  it('waits for the rate limit, says so, and gets all answers', async () => {
    stage.hub.fail({ fault: { kind: 'rate-limit', seconds: 1 }, match: /m0007/ });
    const told = await stage.cli(['plan', '--json', '--catalog', await catalog('all', 10)]);
    expect([told.code, told.stderr]).toEqual([0, "waiting 1 s for the Hub's rate limit\n"]);
    expect(brief(told)).toHaveLength(20);
  });

  it('that is interrupted says so, and the next run goes on from there', async () => {
    stage.hub.fail({ fault: { kind: 'delay', ms: 60 }, times: 10_000 });
    const argv = ['plan', '--json', '--catalog', await catalog('all', COUNT)];
    const running = startCli(argv, stage.variables);
    await expect.poll(async () => (await cached().catch(() => [])).length, { timeout: 20_000 }).toBeGreaterThan(40);
    running.kill('SIGINT');
    const told = await running.ended;
    expect([told.code, told.json()]).toEqual([3, { error: { code: 'cancelled', message: expect.any(String) } }]);
    expect((await cached()).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    stage.hub.clearFaults();
    stage.hub.requests.length = 0;
    expect((await stage.cli(argv)).code).toBe(0);
    expect(stage.hub.requests.some(({ headers }) => headers['if-none-match'] !== undefined)).toBe(true);
  });
});

describe('what plan keeps in DATA_DIR', () => {
  it('is its cache and no ledger', async () => {
    await stage.cli(['plan', '--json', '--catalog', await catalog('all', 2)]);
    expect(await readdir(data)).toEqual(['cache']);
    expect(await cached()).toHaveLength(10);
  });

  it('does no harm where it is spoilt', async () => {
    const argv = ['plan', '--json', '--catalog', await catalog('all', 2)];
    const { stdout } = await stage.cli(argv);
    for (const name of await cached()) await writeFile(join(data, 'cache', 'hub', name), '{"key":"x"}\nspoilt');
    const told = await stage.cli(argv);
    expect([told.code, told.stdout]).toEqual([0, stdout]);
  });

  it('is nothing where nothing can be written, and that is worth a warning only', async () => {
    await writeFile(data, 'a file');
    const argv = ['plan', '--json', '--verbose', '--catalog', await catalog('all', 2)];
    const told = await stage.cli(argv);
    expect([told.code, brief(told)]).toEqual([0, ['m0001 build', 'm0001 build', 'm0002 build', 'm0002 build']]);
    expect(told.stderr.match(/cache of Hub answers cannot be written/g)).toHaveLength(1);
  });
});
