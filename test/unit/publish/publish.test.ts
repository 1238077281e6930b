import { beforeEach, describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { PublicationFailed } from '../../../src/publish/publication-failed.ts';
import { publishTargets } from '../../../src/publish/publish.ts';
import type { Digest } from '../../../src/registry/types.ts';
import {
  down,
  immutableTag,
  type MemoryPublisher,
  MemoryRegistries,
  memoryPublisher,
  movingTag,
  ours,
  pushImage,
  wanted,
} from '../../support/publish/memory-publisher.ts';

const FIRST = 'one.test/acme/hf-tiny';
const SECOND = 'two.test/acme/hf-tiny';
const ALIAS = 'one.test/acme/hf-small';
const TAGS = [
  movingTag('latest'),
  movingTag('v1-slim', '{base_version}-{variant}'),
  immutableTag('iabc-slim', 'i{inputs}-{variant}'),
];
const places = [
  { repository: FIRST, aliasOf: null, tags: TAGS },
  { repository: SECOND, aliasOf: null, tags: TAGS },
];

let registries: MemoryRegistries;
let context: MemoryPublisher;
let digest: Digest;
beforeEach(async () => {
  registries = new MemoryRegistries();
  context = memoryPublisher(registries);
  digest = await pushImage(registries.open(FIRST), 'new');
  await pushImage(registries.open(SECOND), 'new');
});

const tagsOf = (repository: string) => {
  const target = registries.open(repository);
  return Object.fromEntries(target.storage.repository(repository.slice(repository.indexOf('/') + 1)).tags);
};

async function failure(run: Promise<unknown>): Promise<PublicationFailed> {
  const error: unknown = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PublicationFailed) return error;
  throw new Error(`not the failure that was due: ${String(error)}`);
}

async function pointAt(repository: string, tag: string, at: Digest): Promise<void> {
  await registries.open(repository).tag(tag, await registries.open(repository).manifest(at));
}

describe('publishing', () => {
  it('gives every place every tag, the most specific first over all of them, and says what moved', async () => {
    const [image] = await publishTargets([wanted(digest, places)], context);
    expect(image).toMatchObject({
      tags: ['iabc-slim', 'v1-slim', 'latest'],
      references: [`${FIRST}@${digest}`, `${SECOND}@${digest}`],
      signed: false,
      notes: ['Nothing is signed.'],
    });
    expect(image?.moves).toEqual(context.moves);
    expect(context.moves.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(
      ['iabc-slim', 'v1-slim', 'latest'].flatMap((tag) => [`${FIRST}:${tag}`, `${SECOND}:${tag}`]),
    );
    for (const repository of [FIRST, SECOND]) {
      expect(tagsOf(repository)).toEqual({ 'iabc-slim': digest, 'v1-slim': digest, latest: digest });
    }
    expect(context.attester.asked).toEqual([{ index: digest, repositories: [FIRST, SECOND] }]);
  });

  it('writes nothing a second time', async () => {
    await publishTargets([wanted(digest, places)], context);
    for (const name of [FIRST, SECOND]) registries.open(name).calls.length = 0;
    const [again] = await publishTargets([wanted(digest, places)], context);
    expect([again?.moves, again?.tags.length]).toEqual([[], 3]);
    const calls = [FIRST, SECOND].flatMap((name) => registries.open(name).calls);
    expect(calls.filter((call) => !/^(head|manifest) /.test(call))).toEqual([]);
  });

  it('fills an alias from the repository whose name it repeats', async () => {
    const alias = { repository: ALIAS, aliasOf: FIRST, tags: TAGS };
    const [image] = await publishTargets([wanted(digest, [...places, alias])], context);
    expect(tagsOf(ALIAS)).toEqual(tagsOf(FIRST));
    expect(image?.references).toContain(`${ALIAS}@${digest}`);
  });

  it('asks the guard right before and right after each tag', async () => {
    const order: string[] = [];
    const target = registries.open(FIRST);
    const guard = async () => void order.push(`guard ${target.calls.filter((call) => call.startsWith('tag ')).length}`);
    await publishTargets([wanted(digest, places.slice(0, 1))], { ...context, guard });
    expect(order).toEqual(['guard 0', 'guard 1', 'guard 1', 'guard 2', 'guard 2', 'guard 3']);
  });

  it('opens every place before it asks any: one that is refused stops it before a connection', async () => {
    const open = (name: string) => {
      if (name === SECOND) throw new PublisherError('refused', 'not allowed');
      return registries.open(name);
    };
    const target = registries.open(FIRST);
    target.calls.length = 0;
    await expect(publishTargets([wanted(digest, places)], { ...context, open })).rejects.toMatchObject({
      code: 'refused',
    });
    expect(target.calls).toEqual([]);
  });
});

describe('what is not ours', () => {
  const MINE = [{ repository: FIRST, aliasOf: null, tags: TAGS }];

  it("moves a tag from an image of the same model, and refuses another model's and a foreign one", async () => {
    const old = await pushImage(registries.open(FIRST), 'old');
    const other = await pushImage(registries.open(FIRST), 'other', ours('other', 'acme/large'));
    const foreign = await pushImage(registries.open(FIRST), 'foreign', {});
    await pointAt(FIRST, 'v1-slim', old);
    await publishTargets([wanted(digest, MINE)], context);
    expect(context.moves.find(({ tag }) => tag === 'v1-slim')).toMatchObject({ before: old, after: digest });
    for (const [at, why] of [
      [other, 'another model, acme/large'],
      [foreign, 'not written here'],
    ] as const) {
      context = memoryPublisher(registries);
      await pointAt(FIRST, 'v1-slim', at);
      await pointAt(FIRST, 'latest', old);
      const error = await failure(publishTargets([wanted(digest, MINE)], context));
      expect([error.code, error.message]).toEqual(['denied', expect.stringContaining(why)]);
      expect(error.message).toContain(`${FIRST}:v1-slim is at ${at}`);
      expect([context.moves, tagsOf(FIRST).latest]).toEqual([[], old]);
      expect(context.attester.asked).toEqual([]);
      await publishTargets([wanted(digest, MINE)], { ...context, force: true });
      expect(tagsOf(FIRST)['v1-slim']).toBe(digest);
    }
  });

  it('leaves a tag at a digest that the ledger does not know, though annotations name the same model', async () => {
    const forged = await pushImage(registries.open(FIRST), 'forged');
    await pointAt(FIRST, 'latest', forged);
    const recalls = async (_repository: string, _tag: string, at: Digest) => at !== forged;
    const error = await failure(publishTargets([wanted(digest, MINE)], { ...context, recalls }));
    expect([error.code, error.message]).toEqual(['denied', expect.stringContaining('not written here')]);
    expect([context.moves, tagsOf(FIRST).latest]).toEqual([[], forged]);
    await publishTargets([wanted(digest, MINE)], { ...context, recalls: async () => true });
    expect(tagsOf(FIRST).latest).toBe(digest);
  });

  it('moves a tag that it wrote itself, whatever it names', async () => {
    const foreign = await pushImage(registries.open(FIRST), 'foreign', {});
    await pointAt(FIRST, 'latest', foreign);
    const wrote = async (_: string, tag: string) => (tag === 'latest' ? foreign : null);
    await publishTargets([wanted(digest, MINE)], { ...context, wrote });
    expect(tagsOf(FIRST).latest).toBe(digest);
  });

  it('moves an immutable tag never, not even by force', async () => {
    const old = await pushImage(registries.open(FIRST), 'old');
    await pointAt(FIRST, 'iabc-slim', old);
    const error = await failure(publishTargets([wanted(digest, MINE)], { ...context, force: true }));
    expect([error.code, error.message]).toEqual(['denied', expect.stringContaining('immutable')]);
    expect(tagsOf(FIRST)).toEqual({ 'iabc-slim': old });
  });

  it('refuses two images under one name before anything else', async () => {
    const other = await pushImage(registries.open(FIRST), 'other');
    await expect(publishTargets([wanted(digest, MINE), wanted(other, MINE, 'fat')], context)).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('would name two images'),
    });
    expect(tagsOf(FIRST)).toEqual({});
  });
});

describe('a failure', () => {
  it('of one registry before the tags leaves all of them alone, and tells the state of the other', async () => {
    registries.open(SECOND).fault = down();
    const error = await failure(publishTargets([wanted(digest, places)], context));
    expect([error.code, error.retryable, error.state.moves]).toEqual(['registry-unavailable', true, []]);
    expect(error.message).toContain(`${SECOND}: The registry does not answer. No tag was moved.`);
    expect(error.message).toContain(`${FIRST}:v1-slim (not there yet)`);
    expect(error.state.unread).toEqual([SECOND]);
    expect([tagsOf(FIRST), context.attester.asked]).toEqual([{}, []]);
  });

  it('of the attestations too', async () => {
    context.attester.error = new PublisherError('environment', 'cosign is missing');
    const error = await failure(publishTargets([wanted(digest, places)], context));
    expect([error.code, error.state.moves, tagsOf(FIRST)]).toEqual(['environment', [], {}]);
  });

  it('in the middle says exactly which tags moved where; another run completes it', async () => {
    registries.open(SECOND).fault = down(/^tag v1/);
    const error = await failure(publishTargets([wanted(digest, places)], context));
    const moved = [`${FIRST}:iabc-slim`, `${SECOND}:iabc-slim`, `${FIRST}:v1-slim`];
    expect(error.state.moves.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(moved);
    expect(error.state.left.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      `${SECOND}:v1-slim`,
      `${FIRST}:latest`,
      `${SECOND}:latest`,
    ]);
    expect(tagsOf(SECOND)).toEqual({ 'iabc-slim': digest });
    registries.open(SECOND).fault = null;
    const [image] = await publishTargets([wanted(digest, places)], context);
    expect(image?.moves.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      `${SECOND}:v1-slim`,
      `${FIRST}:latest`,
      `${SECOND}:latest`,
    ]);
    expect(tagsOf(SECOND)).toEqual(tagsOf(FIRST));
  });

  it('of an answer alone is none: the tag is looked at', async () => {
    const target = registries.open(SECOND);
    const before = () => target.storage.repository('acme/hf-tiny').tags.set('v1-slim', digest);
    target.fault = { ...down(/^tag v1/), before };
    const [image] = await publishTargets([wanted(digest, places)], context);
    expect(image?.moves).toHaveLength(6);
  });

  it('of the guard after a tag counts that tag as moved, and stops', async () => {
    let asked = 0;
    const guard = async () => {
      asked += 1;
      if (asked === 4) throw new PublisherError('cancelled', 'Something newer is wanted.');
    };
    const error = await failure(publishTargets([wanted(digest, places)], { ...context, guard }));
    expect([error.code, error.state.moves.length, context.moves.length]).toEqual(['cancelled', 2, 2]);
  });

  it('is a tag that somebody else moved after it was read', async () => {
    const other = await pushImage(registries.open(FIRST), 'other');
    const guard = async () => {
      if (context.moves.length === 0) await pointAt(FIRST, 'latest', other);
    };
    const error = await failure(publishTargets([wanted(digest, places.slice(0, 1))], { ...context, guard }));
    expect([error.code, error.message]).toEqual(['denied', expect.stringContaining('by somebody else')]);
    expect(tagsOf(FIRST).latest).toBe(other);
  });

  it('is an image that no place has', async () => {
    const error = await failure(publishTargets([wanted(`sha256:${'0'.repeat(64)}`, places)], context));
    expect([error.code, error.message]).toEqual(['registry-not-found', expect.stringContaining('build it again')]);
  });
});
