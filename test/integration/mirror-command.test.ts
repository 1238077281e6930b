import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import type { Digest } from '../../src/registry/types.ts';
import { openStore } from '../../src/store/open.ts';
import { cli } from '../support/cli/cli.ts';
import { attach, pull, pushModelImage, type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const answerSchema = z.object({
  mirrors: z.array(
    z.object({
      source: z.string(),
      target: z.string(),
      digest: z.string(),
      tags: z.array(z.string()),
      state: z.string(),
      differed: z.array(z.string()),
      bytes: z.object({ moved: z.number(), reused: z.number() }),
    }),
  ),
  problems: z.array(z.string()),
  notes: z.array(z.string()),
});

const client = new RegistryClient({
  fetch: globalThis.fetch,
  clock: systemClock,
  credentials: async () => ({ username: 'robot', password: 'secret' }),
  logger: silentLogger,
  userAgent: 'test',
});

describe('the mirror command', () => {
  let folder: string;
  let primary: RegistryStandIn;
  let mirror: RegistryStandIn;
  let slim: Digest;
  let fat: Digest;
  let catalog: string;
  let variables: Record<string, string>;
  const open = (registry: RegistryStandIn, repository: string) =>
    client.repository({ registry: registry.host, repository });
  const run = async (argv: string[], more: Record<string, string> = {}) => {
    const told = await cli(['mirror', ...argv, '--catalog', catalog, '--json'], { ...variables, ...more });
    return { code: told.code, stderr: told.stderr, answer: answerSchema.safeParse(safeJson(told.stdout)).data };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-mirror-'));
    primary = await startRegistry();
    mirror = await startRegistry({ referrers: true });
    const source = open(primary, 'acme/hf-tiny');
    slim = await pushModelImage(source, { text: 'slim', tags: ['1.2-slim', 'latest', 'i0123456789ab-slim'] });
    fat = await pushModelImage(source, { text: 'fat', tags: ['1.2-fat'] });
    await attach(source, slim, { text: 'provenance' });
    await mkdir(join(folder, 'docker'));
    const auth = Buffer.from('robot:secret').toString('base64');
    const auths = { [primary.host]: { auth }, [mirror.host]: { auth } };
    await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths }));
    catalog = join(folder, 'models.yaml');
    await writeFile(
      catalog,
      `defaults:
  base_image: "base.test/x:1.2"
  registries: {one: "${primary.host}/{owner}", two: "${mirror.host}/copies"}
  publish: {one: true, ghcr: false, dockerhub: false}
  mirrors: [two]
models:
  - {id: acme/tiny, short: tiny, aliases: [small]}
  - {id: acme/other, short: other}
`,
    );
    variables = {
      DATA_DIR: join(folder, 'data'),
      DOCKER_CONFIG: join(folder, 'docker'),
      GITHUB_REPOSITORY_OWNER: 'acme',
      MIRROR_RATE: '1GB',
    };
  });
  afterAll(async () => {
    await primary.close();
    await mirror.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('says what differs, and writes nothing, with --check', async () => {
    const check = await run(['--check']);
    expect([check.code, check.answer?.mirrors.map(({ state }) => state)]).toEqual([1, Array(4).fill('differs')]);
    expect(check.answer?.notes).toContainEqual(expect.stringContaining('hf-other has nothing published'));
    expect(await open(mirror, 'copies/hf-tiny').tags()).toEqual([]);
    // The first command makes the database.
  }, 180_000);

  it('copies images with what lies beside them, aliases too', async () => {
    const first = await run([]);
    expect([first.code, first.answer?.mirrors.map(({ state }) => state)]).toEqual([0, Array(4).fill('copied')]);
    const tiny = first.answer?.mirrors.filter(({ target }) => target.endsWith('/hf-tiny')) ?? [];
    expect(tiny.find(({ digest }) => digest === slim)?.tags).toEqual(['i0123456789ab-slim', '1.2-slim', 'latest']);
    for (const name of ['copies/hf-tiny', 'copies/hf-small']) {
      const target = open(mirror, name);
      expect(await target.tags()).toEqual(['1.2-fat', '1.2-slim', 'i0123456789ab-slim', 'latest']);
      expect([await pull(target, 'latest'), await pull(target, '1.2-fat')]).toEqual([slim, fat]);
      expect(await target.referrers(slim)).toHaveLength(1);
    }
  });

  it('finds nothing left to do afterwards', async () => {
    const again = await run(['--check']);
    expect([again.code, again.answer?.mirrors.map(({ state }) => state)]).toEqual([0, Array(4).fill('same')]);
    expect(again.answer?.mirrors.reduce((sum, { bytes }) => sum + bytes.moved, 0)).toBe(0);
  });

  it('says which tag somebody moved on the mirror, and puts it right', async () => {
    const target = open(mirror, 'copies/hf-tiny');
    await target.tag('latest', await target.manifest(fat));
    const check = await run(['tiny', '--check']);
    expect(check.code).toBe(1);
    const told = check.answer?.mirrors.flatMap(({ differed }) => differed);
    expect(told).toEqual([`tag latest is at ${fat}`]);
    expect((await run(['tiny'])).code).toBe(0);
    expect((await target.head('latest'))?.digest).toBe(slim);
  });

  it('writes nothing where a bot has the ledger; a check goes by the registries, and says so', async () => {
    const store = await openStore({ dataDir: variables.DATA_DIR ?? '' }, { logger: silentLogger });
    try {
      mirror.requests.length = 0;
      const refused = await run(['tiny']);
      expect([refused.code, refused.stderr, mirror.requests]).toEqual([2, expect.stringContaining('busy'), []]);
      const told = await run(['tiny', '--check']);
      expect(told.code).toBe(0);
      expect(told.answer?.notes).toContainEqual(expect.stringContaining('what the registries say'));
    } finally {
      await store.close();
    }
  });

  it('refuses a mirror that the operator does not allow before any request to it', async () => {
    mirror.requests.length = 0;
    const told = await run(['tiny'], { PUBLISH_ALLOW: `${primary.host}/acme/*,${mirror.host}/copies-evil/*` });
    expect(told.code).toBe(1);
    expect(told.answer?.problems).toContainEqual(expect.stringContaining('PUBLISH_ALLOW'));
    expect(mirror.requests).toEqual([]);
  });

  it('answers 3 when a registry does not', async () => {
    mirror.faults.push({ kind: 'status', status: 500, times: 10_000 });
    const told = await run(['tiny']);
    mirror.faults.length = 0;
    expect([told.code, told.answer?.mirrors.map(({ state }) => state)]).toEqual([3, Array(4).fill('failed')]);
    primary.faults.push({ kind: 'status', status: 500, times: 10_000 });
    const unread = await run(['tiny']);
    primary.faults.length = 0;
    expect([unread.code, unread.answer?.mirrors]).toEqual([3, []]);
  });

  it('knows the models of its catalog', async () => {
    expect((await run(['nobody'])).code).toBe(2);
  });
});

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
