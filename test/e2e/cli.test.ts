import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli/cli.ts';
import { REGISTRY_PASSWORD, type Stage, startStage } from '../support/cli/stage.ts';
import { seeded } from '../support/hub/content.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const TOKEN = 'hf_canary_of_the_tests';
const SLOW = 'model-00002-of-00002.safetensors';
let stage: Stage;
let catalog = '';
beforeAll(async () => {
  stage = await startStage([
    tinyModel({ id: 'acme/tiny', shardBytes: 300_000, files: { 'extra.txt': seeded('x', 10) } }),
  ]);
  catalog = await stage.catalog('models', '  - {id: acme/tiny, short: tiny}\n');
});
afterAll(() => stage.close());

const run = (argv: string[], extra: Record<string, string> = {}) => startCli(argv, { ...stage.variables, ...extra });

describe('the command line as a process', () => {
  it('ends as it would have when nobody reads what it says', async () => {
    const silent = startCli([]);
    silent.stopReading();
    expect((await silent.ended).code).toBe(2);
  });

  it('plans: one JSON document on stdout, silence on stderr, no ledger opened', async () => {
    const { code, stderr, json } = await run(['plan', '--json', '--catalog', catalog]).ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(json()).toMatchObject({ targets: [{ variant: 'slim' }, { variant: 'fat' }] });
    expect(await readdir(stage.variables.DATA_DIR ?? '')).toEqual(['cache']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends on %s in mid-build, soon, with nothing tagged', async (signal) => {
    stage.hub.fail({ fault: { kind: 'stall', bytes: 1000 }, match: new RegExp(`GET .*${SLOW}`), times: 9 });
    const argv = ['build', 'tiny', '--variant', 'fat', '--tag', 'never', '--json', '--verbose', '--catalog', catalog];
    const building = run(argv);
    await building.said(/streaming weights \(.* of /);
    const startedAt = Date.now();
    building.kill(signal);
    const { code, stdout, stderr, json } = await building.ended;
    expect(Date.now() - startedAt).toBeLessThan(8_000);
    expect(code).toBe(3);
    expect(json()).toMatchObject({ images: [], errors: [{ variant: 'fat', code: 'cancelled' }] });
    expect(
      await stage
        .repository('acme/hf-tiny')
        .tags()
        .catch(() => []),
    ).toEqual([]);
    for (const secret of [TOKEN, REGISTRY_PASSWORD]) expect(stdout + stderr).not.toContain(secret);
    stage.hub.clearFaults();
  });

  it('builds afterwards as if nothing had been', async () => {
    const { code, json } = await run(['build', 'tiny', '--json', '--variant', 'fat', '--catalog', catalog]).ended;
    expect([code, json()]).toMatchObject([0, { images: [{ variant: 'fat' }], errors: [] }]);
  });

  it('never shows a token or a password, whatever fails and however much it says', async () => {
    const argv = ['build', 'tiny', '--verbose', '--catalog', catalog];
    const failing = { HF_ENDPOINT: `http://user:${REGISTRY_PASSWORD}@127.0.0.1:9/${TOKEN}`, DEBUG: '*' };
    const { code, stdout, stderr } = await run(argv, failing).ended;
    expect(code).toBe(3);
    expect(stderr).toContain('hub-unavailable');
    for (const secret of [TOKEN, REGISTRY_PASSWORD]) expect(stdout + stderr).not.toContain(secret);
  });
});
