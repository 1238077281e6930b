import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { lockFolder } from '../../../src/store/lock.ts';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';

let stage: Stage;
let clean: Record<string, string>;
beforeAll(async () => {
  stage = await startStage([
    tinyModel({ id: 'acme/tiny' }),
    tinyModel({ id: 'acme/gated', gated: 'manual', seed: 'g' }),
  ]);
  clean = fakeTrivyEnvironment('clean', dirname(process.execPath));
});
afterAll(() => stage.close());

const contract = z.strictObject({
  release: z.string(),
  images: z.array(
    z.looseObject({
      short: z.string(),
      variant: z.enum(['slim', 'fat']),
      digest: z.string(),
      tags: z.array(z.string()),
      moves: z.array(z.looseObject({ tag: z.string() })),
    }),
  ),
  runtimes: z.array(z.unknown()),
  mirrors: z.array(z.unknown()),
  errors: z.array(z.strictObject({ code: z.string(), message: z.string() }).catchall(z.string())),
  notes: z.array(z.string()),
  releaseNotes: z.string().nullable(),
});

async function release(catalog: string, argv: string[], variables: Record<string, string> = {}) {
  const told = await stage.cli(['release', ...argv, '--json', '--catalog', catalog], { ...clean, ...variables });
  return { code: told.code, ...contract.parse(told.json()) };
}

const tagsOf = async (repository: string) =>
  (await stage.repository(repository).tags()).filter((tag) => !/^(sha256-|i[0-9a-f]{12}-)/.test(tag)).sort();

describe('release', () => {
  it('writes nothing while a bot has the ledger, and says what to do', async () => {
    const path = await stage.catalog('busy', '  - {id: acme/tiny, short: busy}');
    const lock = await lockFolder(stage.variables.DATA_DIR ?? '');
    const told = await stage.cli(['release', 'v1.0.0', '--json', '--catalog', path], clean);
    await lock.release();
    expect([told.code, told.stderr]).toEqual([2, expect.stringContaining('another DATA_DIR')]);
    expect(await stage.repository('acme/hf-busy').tags()).toEqual([]);
  });

  it('names every image of the catalog, tells what changed, and a second run moves nothing', async () => {
    const path = await stage.catalog('whole', '  - {id: acme/tiny, short: one}\n  - {id: acme/gated, short: two}');
    const first = await release(path, ['v1.2.0']);
    expect([first.code, first.errors]).toEqual([0, []]);
    expect(first.images.map(({ short, variant }) => `${short} ${variant}`)).toEqual([
      'one slim',
      'one fat',
      'two slim',
    ]);
    const names = ['1-fat', '1-slim', '1.2-fat', '1.2-slim', '1.2.0-fat', '1.2.0-slim'];
    expect(await tagsOf('acme/hf-one')).toEqual(names);
    expect(first.releaseNotes).toContain('The first release.');

    const again = await release(path, ['v1.2.0']);
    expect([again.code, again.images.flatMap(({ moves }) => moves)]).toEqual([0, []]);
    expect(again.images.map(({ digest }) => digest)).toEqual(first.images.map(({ digest }) => digest));

    const less = await stage.catalog('less', '  - {id: acme/tiny, short: one}');
    const older = await release(less, ['v1.1.9', '--latest']);
    expect(older.images[0]?.tags).toEqual(expect.arrayContaining(['1.1.9-slim', '1.1-slim', 'latest-slim']));
    expect(older.images[0]?.tags).not.toContain('1-slim');
    expect(older.releaseNotes).toMatch(/Since `v1\.2\.0`:\n\n### Removed\n\n- `two`/);
  }, 120_000);

  it('tags nothing when one target fails', async () => {
    const path = await stage.catalog('half', '  - {id: acme/tiny, short: half}\n  - {id: acme/nobody, short: missing}');
    const told = await release(path, ['v1.0.0']);
    expect([told.code, told.images, told.releaseNotes]).toEqual([1, [], null]);
    expect(told.errors.map(({ short }) => short)).toContain('missing');
    expect(await tagsOf('acme/hf-half')).toEqual([]);
  });

  it('tags nothing when one image does not pass the scan, or was not scanned', async () => {
    const path = await stage.catalog('scanned', '  - {id: acme/tiny, short: scanned}', '  scan: {base_findings: fail}');
    const failing = await release(path, ['v1.0.0'], fakeTrivyEnvironment('critical', dirname(process.execPath)));
    expect([failing.code, failing.errors.map(({ code }) => code)]).toEqual([1, ['denied', 'denied']]);
    const unscanned = await release(path, ['v1.0.0'], { PATH: dirname(process.execPath) });
    expect(unscanned.code).toBe(3);
    expect(await tagsOf('acme/hf-scanned')).toEqual([]);
    const optional = await release(path, ['v1.0.0'], { PATH: dirname(process.execPath), SCAN: 'optional' });
    expect(optional.code).toBe(0);
    expect(await tagsOf('acme/hf-scanned')).toContain('1.0.0-slim');
  });

  it('refuses a place that the operator does not allow before anything is pushed', async () => {
    const path = await stage.catalog('refused', '  - {id: acme/tiny, short: refused, aliases: [other]}');
    const seen = stage.registry.requests.length;
    const told = await release(path, ['v1.0.0'], { PUBLISH_ALLOW: `acme=${stage.registry.host}/acme/hf-refused` });
    expect(told.code).not.toBe(0);
    expect(told.errors.map(({ code }) => code)).toEqual(['refused']);
    const asked = stage.registry.requests.slice(seen).filter(({ path: asked }) => asked.includes('acme/hf-'));
    expect(asked).toEqual([]);
  });

  it.each([[['latest']], [['v1', '--set', 'X']], [['v1', '--set', 'X=$(id)']], [['v1', '--set', 'VLLM_VERSION=1']]])(
    '%j is a mistake of whoever calls',
    async (argv) => {
      const path = await stage.catalog('usage', '  - {id: acme/tiny, short: usage}');
      expect((await stage.cli(['release', ...argv, '--catalog', path], clean)).code).toBe(2);
      expect(await tagsOf('acme/hf-usage')).toEqual([]);
    },
  );
});
