import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { digestSchema } from '../../../src/build/schema.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import { lockFolder } from '../../../src/store/lock.ts';
import { openStore } from '../../../src/store/open.ts';
import { currentPublications } from '../../../src/store/publications.ts';
import { movesOf } from '../../../src/store/tag-moves.ts';
import { REGISTRY_PASSWORD, type Stage, startStage } from '../../support/cli/stage.ts';
import { headOf } from '../../support/hub/model.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type RegistryStandIn, startRegistry } from '../../support/registry/index.ts';
import { fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';

const tiny = tinyModel({ id: 'acme/tiny' });
const SHA = headOf(tiny).sha;
let stage: Stage;
let second: RegistryStandIn;
let catalog = '';
let clean: Record<string, string>;
beforeAll(async () => {
  stage = await startStage([tiny, tinyModel({ id: 'acme/gated', gated: 'manual', seed: 'g' })]);
  second = await startRegistry({ users: { robot: REGISTRY_PASSWORD } });
  const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
  await mkdir(join(stage.folder, 'both'));
  await writeFile(
    join(stage.folder, 'both', 'config.json'),
    JSON.stringify({ auths: { [stage.registry.host]: { auth }, [second.host]: { auth } } }),
  );
  clean = {
    ...fakeTrivyEnvironment('clean', dirname(process.execPath)),
    DOCKER_CONFIG: join(stage.folder, 'both'),
  };
  catalog = await write(
    'both',
    '  - {id: acme/tiny, short: tiny, aliases: [small]}\n  - {id: acme/gated, short: gated}\n',
  );
});
afterEach(() => {
  stage.registry.faults.length = 0;
  second.faults.length = 0;
});
afterAll(async () => {
  await second.close();
  await stage.close();
});

/** A catalog that publishes to both registries. */
async function write(name: string, models: string, defaults: string[] = []): Promise<string> {
  const path = join(stage.folder, `${name}.yaml`);
  const head = [
    'defaults:',
    `  base_image: "${stage.baseReference}"`,
    `  registries: {one: "${stage.registry.host}/{owner}", two: "${second.host}/{owner}"}`,
    '  publish: {one: true, two: true}',
    ...defaults,
  ];
  await writeFile(path, [...head, `models:\n${models}`].join('\n'));
  return path;
}

const text = z.string();
const move = z.strictObject({ repository: text, tag: text, before: text.nullable(), after: text.nullable() });
const contract = z.object({
  images: z.array(
    z.strictObject({
      variant: z.enum(['slim', 'fat']),
      runtime: text,
      reference: text,
      references: z.array(text),
      digest: text.regex(/^sha256:[0-9a-f]{64}$/),
      revision: text,
      bytes: z.strictObject({ weights: z.number(), uploaded: z.number(), reused: z.number() }),
      durationMs: z.number(),
      tags: z.array(text),
      moves: z.array(move),
      attestations: z.array(z.object({ predicateType: text, digest: text, signed: z.boolean() })),
      signed: z.boolean(),
      scan: z.object({ status: z.enum(['scanned', 'not-scanned']) }).nullable(),
    }),
  ),
  errors: z.array(z.object({ code: text, message: text })),
  notes: z.array(text),
  mirrors: z.array(z.unknown()),
  state: z
    .strictObject({
      moved: z.array(move),
      tags: z.array(z.strictObject({ repository: text, tag: text, digest: text.nullable() })),
      unread: z.array(text),
    })
    .optional(),
});

async function publish(short: string, flags: string[] = [], variables: Record<string, string> = {}, path = catalog) {
  const told = await stage.cli(['publish', short, '--json', '--catalog', path, ...flags], { ...clean, ...variables });
  return { ...told, ...contract.parse(told.json()) };
}

const client = new RegistryClient({
  fetch: globalThis.fetch,
  clock: systemClock,
  credentials: async () => ({ username: 'robot', password: REGISTRY_PASSWORD }),
  logger: silentLogger,
  userAgent: 'test',
});
const toDigest = (text: string) => digestSchema.parse(text);
const hosts = () => [stage.registry.host, second.host];
const repositoryOf = (host: string, repository: string) => client.repository({ registry: host, repository });
/** Name → digest, without what lies beside digests. */
async function tagsOf(host: string, repository: string): Promise<Record<string, string>> {
  const target = repositoryOf(host, repository);
  const names = (await target.tags()).filter((name) => !name.startsWith('sha256-')).sort();
  const entries: [string, string][] = [];
  for (const name of names) entries.push([name, (await target.manifest(name)).digest]);
  return Object.fromEntries(entries);
}

describe('publish', () => {
  it('gives both registries, and aliases, the same digests under all tags, and a second run changes nothing', async () => {
    const first = await publish('tiny');
    expect([first.code, first.errors, first.images.map(({ variant }) => variant)]).toEqual([0, [], ['slim', 'fat']]);
    for (const image of first.images) {
      const { variant, digest } = image;
      const tags = [
        expect.stringMatching(new RegExp(`^i[0-9a-f]{12}-${variant}$`)),
        `r${SHA}-${variant}`,
        `v1.2.3-${variant}`,
      ];
      expect([image.tags, image.scan?.status, image.signed]).toEqual([tags, 'scanned', false]);
      expect(image.moves).toHaveLength(12);
      expect(image.attestations.length).toBeGreaterThan(0);
      for (const host of hosts()) {
        for (const repository of ['acme/hf-tiny', 'acme/hf-small']) {
          const found = await tagsOf(host, repository);
          expect(image.tags.map((tag) => found[tag])).toEqual([digest, digest, digest]);
          expect(await repositoryOf(host, repository).referrers(toDigest(digest))).not.toEqual([]);
        }
      }
    }
    const before = await Promise.all(hosts().map((host) => tagsOf(host, 'acme/hf-tiny')));
    const writes = stage.registry.requests.length;
    const again = await publish('tiny');
    expect([again.code, again.images.map(({ bytes, moves }) => [bytes.uploaded, moves])]).toEqual([
      0,
      [
        [0, []],
        [0, []],
      ],
    ]);
    expect(again.images.map(({ digest, attestations }) => [digest, attestations])).toEqual(
      first.images.map(({ digest, attestations }) => [digest, attestations]),
    );
    expect(await Promise.all(hosts().map((host) => tagsOf(host, 'acme/hf-tiny')))).toEqual(before);
    const puts = stage.registry.requests.slice(writes).filter(({ method }) => method === 'PUT');
    expect(puts.filter(({ path }) => path.includes('/manifests/') && !path.includes('sha256:'))).toEqual([]);
  });

  it('writes down what it published and which tags moved', async () => {
    const dataDir = stage.variables.DATA_DIR ?? '';
    const store = await openStore({ dataDir }, { logger: silentLogger });
    const current = await currentPublications(store.db, { short: 'tiny' });
    const repository = `${stage.registry.host}/acme/hf-tiny`;
    const moves = await movesOf(store.db, repository, 'v1.2.3-slim');
    await store.close();
    expect(current).toMatchObject([
      { catalog: 'cli', owner: 'acme', variant: 'fat', revision: SHA, scanned: true, signed: false, commit: null },
      { variant: 'slim', immutable: [expect.stringMatching(/^i/)], platforms: ['linux/amd64'] },
    ]);
    expect(current[0]?.repositories).toHaveLength(4);
    expect(moves).toMatchObject([{ before: null, after: current[1]?.digest }]);
  });

  it('writes nothing while a bot has the ledger, and says what to do', async () => {
    const argv = ['publish', 'tiny', '--json', '--catalog', catalog, '--variant', 'slim', '--tag', 'mine'];
    const lock = await lockFolder(stage.variables.DATA_DIR ?? '');
    const told = await stage.cli(argv, clean);
    await lock.release();
    expect([told.code, told.stdout]).toEqual([2, expect.stringMatching(/"busy"[\s\S]*another DATA_DIR/)]);
    expect(Object.keys(await tagsOf(second.host, 'acme/hf-tiny'))).not.toContain('mine');
  });

  it('publishes slim alone of a gated model: a fat that is denied is no failure', async () => {
    const { code, images, errors } = await publish('gated');
    expect([code, errors, images.map(({ variant }) => variant)]).toEqual([0, [], ['slim']]);
    expect((await publish('gated', ['--variant', 'fat'])).code).toBe(1);
  });

  it('keeps the tags of a fat that was published before and is denied now', async () => {
    const denying = await write('denying', '  - {id: acme/tiny, short: tiny, permissive: false}\n');
    const before = await tagsOf(second.host, 'acme/hf-tiny');
    const { code, notes } = await publish('tiny', [], {}, denying);
    const told = notes.find((note) => note.includes('not permitted any more'));
    expect([code, told]).toEqual([0, expect.stringContaining(`${stage.registry.host}/acme/hf-tiny:v1.2.3-fat`)]);
    const after = await tagsOf(second.host, 'acme/hf-tiny');
    expect(after['v1.2.3-fat']).toBe(before['v1.2.3-fat']);
  });
});

describe('a branch', () => {
  it('has a namespace of its own where the registry asks for it, and its name in tags', async () => {
    const path = await write('branch', '  - {id: acme/tiny, short: tiny}\n', ['  tags: ["{branch}-{variant}"]']);
    const text = (await readFile(path, 'utf8')).replaceAll('{owner}', '{owner}{namespace_suffix}');
    await writeFile(path, text);
    const planned = async (variables: Record<string, string>) => {
      const told = await stage.cli(['plan', '--json', '--catalog', path], { ...clean, ...variables });
      const schema = z.object({ targets: z.array(z.object({ repository: z.string(), tags: z.array(z.string()) })) });
      return schema.parse(told.json()).targets[0];
    };
    expect(await planned({ GITHUB_HEAD_REF: 'feat/add-login' })).toEqual({
      repository: `${stage.registry.host}/acme0feat/hf-tiny`,
      tags: ['feat-add-login-slim'],
    });
    expect(await planned({ GITHUB_HEAD_REF: 'main' })).toEqual({
      repository: `${stage.registry.host}/acme/hf-tiny`,
      tags: ['main-slim'],
    });
  });
});

describe('publish moves no tag', () => {
  const fresh = (name: string, defaults: string[] = []) =>
    write(name, `  - {id: acme/tiny, short: ${name}}\n`, defaults);

  it('of an image that was not scanned, unless the operator lets it through', async () => {
    const path = await fresh('unscanned');
    const none = { PATH: dirname(process.execPath) };
    const refused = await publish('unscanned', [], none, path);
    expect([refused.code, refused.images, refused.errors]).toMatchObject([3, [], [{ code: 'scan-failed' }]]);
    expect(await tagsOf(second.host, 'acme/hf-unscanned')).toEqual({});
    const { code, images, notes } = await publish('unscanned', [], { ...none, SCAN: 'optional' }, path);
    expect([code, images.map(({ scan }) => scan?.status)]).toEqual([0, ['not-scanned', 'not-scanned']]);
    expect(notes.join()).toContain('Not scanned:');
  });

  it('of an image that the gate stops', async () => {
    const strict = ['  scan: {fail_on: [critical], ignore_unfixed: false, base_findings: fail}'];
    const path = await fresh('gate', strict);
    const critical = fakeTrivyEnvironment('critical', dirname(process.execPath));
    const { code, images, errors, state } = await publish('gate', [], critical, path);
    expect([code, images, errors]).toMatchObject([
      1,
      [],
      [{ code: 'denied', message: expect.stringContaining('CVE-') }],
    ]);
    expect([state?.moved, state?.unread, state?.tags.every(({ digest }) => digest === null)]).toEqual([[], [], true]);
    // What only the base has is the base's.
    const ok = fakeTrivyEnvironment('ok', dirname(process.execPath));
    const warn = await fresh('gate', ['  scan: {fail_on: [high], ignore_unfixed: false}']);
    expect((await publish('gate', ['--variant', 'slim'], ok, warn)).code).toBe(0);
    const fail = await fresh('gate', ['  scan: {fail_on: [high], ignore_unfixed: false, base_findings: fail}']);
    expect((await publish('gate', ['--variant', 'slim'], ok, fail)).code).toBe(1);
  });

  it('anywhere when one registry is down, and tells exactly how the other stands; a retry completes it', async () => {
    const path = await fresh('down');
    const { port, storage } = second;
    await second.close();
    const { code, errors, images, state } = await publish('down', [], {}, path);
    expect([code, images]).toEqual([3, []]);
    expect(errors[0]?.message).toContain(second.host);
    expect(state?.moved).toEqual([]);
    expect(state?.unread).toEqual([`${second.host}/acme/hf-down`]);
    expect(state?.tags.length).toBeGreaterThan(0);
    for (const { repository, digest } of state?.tags ?? []) {
      expect([repository, digest]).toEqual([`${stage.registry.host}/acme/hf-down`, null]);
    }
    expect(await tagsOf(stage.registry.host, 'acme/hf-down')).toEqual({});
    second = await startRegistry({ users: { robot: REGISTRY_PASSWORD }, port, storage });
    expect((await publish('down', [], {}, path)).code).toBe(0);
    expect(await tagsOf(second.host, 'acme/hf-down')).toEqual(await tagsOf(stage.registry.host, 'acme/hf-down'));
  });

  it('outside what the operator allows: nothing is pushed, and that registry is never asked', async () => {
    const path = await fresh('outside');
    const asked = second.requests.length;
    const before = stage.registry.requests.filter(({ path: at }) => at.includes('hf-outside')).length;
    const { code, errors } = await publish('outside', [], { PUBLISH_ALLOW: `${stage.registry.host}/acme/*` }, path);
    expect([code, errors[0]?.message]).toEqual([1, expect.stringContaining('PUBLISH_ALLOW')]);
    expect(second.requests.length).toBe(asked);
    expect(stage.registry.requests.filter(({ path: at }) => at.includes('hf-outside')).length).toBe(before);
  });

  it('of a model that multiplies to more than the operator allows', async () => {
    const asked = second.requests.length;
    const told = await stage.cli(['publish', 'tiny', '--json', '--catalog', catalog], {
      ...clean,
      MAX_TARGETS_PER_MODEL: '7',
    });
    expect([told.code, told.stdout]).toEqual([1, expect.stringContaining('to 8 targets')]);
    expect(second.requests.length).toBe(asked);
  });

  it('in a repository of another catalog, which it finds out before it builds', async () => {
    const path = await fresh('owned');
    const mine = await publish('owned', ['--variant', 'slim', '--catalog-id', '1/models.yaml'], {}, path);
    expect(mine.code).toBe(0);
    expect(Object.keys(await tagsOf(second.host, 'acme/hf-owned'))).toContain('publisher-owner');
    const asked = second.requests.length;
    const other = await publish('owned', ['--catalog-id', '2/models.yaml'], {}, path);
    expect([other.code, other.errors[0]?.message]).toEqual([
      1,
      expect.stringContaining('belongs to catalog 1/models.yaml'),
    ]);
    const reads = second.requests
      .slice(asked)
      .filter(({ path: at }) => at.includes('hf-owned') && !at.includes('token'));
    expect(reads.filter(({ path: at }) => at.includes('/blobs/'))).toEqual([]);
    const taken = await publish('owned', ['--variant', 'slim', '--catalog-id', '2/models.yaml', '--force'], {}, path);
    expect(taken.code).toBe(0);
    expect((await publish('owned', ['--catalog-id', '1/models.yaml'], {}, path)).code).toBe(1);
  });

  it('that names what was not written here, until it is forced', async () => {
    const path = await fresh('foreign');
    await repositoryOf(second.host, 'acme/hf-foreign').tags();
    const { registry } = stage;
    expect((await publish('foreign', ['--variant', 'slim'], {}, path)).code).toBe(0);
    const other = registry.storage.repository('acme/hf-gated').manifests;
    const [at, manifest] = [...other].find(([, { mediaType }]) => mediaType.includes('index')) ?? [];
    if (at === undefined || manifest === undefined) throw new Error('no other image');
    registry.storage.repository('acme/hf-foreign').manifests.set(at, manifest);
    registry.storage.repository('acme/hf-foreign').tags.set('later', at);
    const refused = await publish('foreign', ['--variant', 'slim', '--tag', 'later'], {}, path);
    expect([refused.code, refused.errors[0]?.message]).toEqual([
      1,
      expect.stringContaining('another model, acme/gated'),
    ]);
    const forced = await publish('foreign', ['--variant', 'slim', '--tag', 'later', '--force'], {}, path);
    expect([forced.code, forced.images[0]?.moves.length]).toEqual([0, 2]);
  });

  it('that is immutable and taken, which it finds out before it builds', async () => {
    const models = '  - {id: acme/tiny, short: fixed}\n';
    const path = await write('fixed', models, ['  tags: [{template: "release-{variant}", immutable: true}]']);
    expect((await publish('fixed', ['--variant', 'slim'], {}, path)).code).toBe(0);
    const changed = await write('changed', models.replace('}', ', serve_args: ["--x"]}'), [
      '  tags: [{template: "release-{variant}", immutable: true}]',
    ]);
    const plan = z.object({ targets: z.array(z.object({ action: z.string(), warnings: z.array(z.string()) })) });
    const argv = ['plan', '--json', '--catalog'];
    expect(plan.parse((await stage.cli([...argv, path], clean)).json()).targets[0]?.action).toBe('build');
    const planned = plan.parse((await stage.cli([...argv, changed], clean)).json()).targets[0];
    expect(planned?.action).toBe('fail');
    expect(planned?.warnings.map((text) => text.includes('it is immutable'))).toEqual([true, true]);
    const asked = second.requests.length;
    const { code, errors } = await publish('fixed', ['--variant', 'slim'], {}, changed);
    expect([code, errors[0]?.message]).toEqual([1, expect.stringContaining('release-slim is at sha256:')]);
    expect(second.requests.slice(asked).filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
  });
});
