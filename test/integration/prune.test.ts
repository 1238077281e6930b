import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import type { PruneOptions } from '../../src/publish/prune/facts.ts';
import { applyPrune, planPrune } from '../../src/publish/prune/prune.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import type { Digest, PublishTarget } from '../../src/registry/types.ts';
import type { Store } from '../../src/store/open.ts';
import { recordPublication } from '../../src/store/publications.ts';
import { attachments, builds, previews, reviews } from '../../src/store/schema.ts';
import { attach, attachByTag, findProgram, pushBaseImage, startDistribution } from '../support/registry/index.ts';
import { memoryStore } from '../support/store/memory.ts';
import { publication } from '../support/watch/published.ts';

/** The reference registry deletes by digest only, and every tag on it with it. */
describe.skipIf(findProgram('docker-registry') === null)('prune on a registry that deletes only by digest', () => {
  const client = new RegistryClient({
    ...guardedHttp({ allow: [], allowLoopback: true }),
    clock: systemClock,
    credentials: async () => null,
    logger: silentLogger,
    userAgent: 'test',
  });
  const options: PruneOptions = { pulls: [], previewsBefore: null, keep: 1, before: 0, retired: false };
  let registry: Awaited<ReturnType<typeof startDistribution>>;
  let store: Store;
  let target: PublishTarget;
  let count = 0;

  beforeAll(async () => {
    registry = await startDistribution();
    store = await memoryStore();
  });
  afterAll(async () => {
    await registry.close();
    await store.close();
  });
  beforeEach(() => {
    count += 1;
    target = client.repository({ registry: registry.host, repository: `acme/hf-tiny-${count}` });
  });

  const context = (fields: Partial<PruneOptions> = {}) => ({
    db: store.db,
    templates: [],
    options: { ...options, ...fields },
    signal: new AbortController().signal,
  });
  async function prune(on: PublishTarget = target, fields: Partial<PruneOptions> = {}) {
    const decision = await planPrune(on, context(fields));
    return applyPrune(on, decision, context(fields), async () => undefined);
  }
  /** A pull request with its preview; the ledger knows both. */
  async function preview(pr: number, digest: Digest, state: 'closed' | 'concluded') {
    const repoId = 1000 + count;
    const tag = `pr-${pr}-slim`;
    await target.tag(tag, await target.manifest(digest));
    await store.db.insert(previews).values({ repository: target.name, tag, digest, repoId, pr });
    const sha = `${pr}`.padStart(40, '0');
    const refs = {
      installationId: 1,
      repoId,
      owner: 'acme',
      repo: 'models',
      pr,
      headSha: sha,
      baseRef: 'main',
      baseSha: sha,
    };
    await store.db.insert(reviews).values({ ...refs, fork: false, state });
  }
  async function built(digest: Digest, attached = false) {
    const key = { inputs: digest.slice(7), destination: target.name };
    const result = { image: { digest } };
    await store.db.insert(builds).values({ ...key, owner: 'acme', state: 'succeeded', request: {}, result });
    if (!attached) return;
    const row = { ...key, kind: 'pull-request', repoId: 1000 + count, pr: 9, headSha: 'a'.repeat(40), checkName: 'x' };
    await store.db.insert(attachments).values(row);
  }
  /** The same repository; something happens right before each manifest is deleted. */
  function interrupted(meanwhile: () => Promise<void>): PublishTarget {
    const { deleteManifest } = target;
    target.deleteManifest = async (...given) => {
      await meanwhile();
      return deleteManifest.apply(target, given);
    };
    return target;
  }
  const askAgain = (digest: Digest) =>
    store.db
      .update(builds)
      .set({ state: 'queued', result: null })
      .where(eq(builds.inputs, digest.slice(7)));
  const push = (label: string, tag = 'base') => pushBaseImage(target, { tag, labels: { label } });
  /** Every byte that a puller of this tag gets. */
  async function pulled(tag: string): Promise<string[]> {
    const index = await target.manifest(tag);
    const parts = [Buffer.from(index.bytes).toString()];
    for (const entry of JSON.parse(parts[0] ?? '').manifests) {
      const manifest = Buffer.from((await target.manifest(entry.digest)).bytes).toString();
      parts.push(manifest);
      const { config, layers } = JSON.parse(manifest);
      for (const blob of [config, ...layers]) {
        for await (const chunk of target.blob(blob)) parts.push(Buffer.from(chunk).toString('hex'));
      }
    }
    return parts;
  }

  it('leaves the published tags pulling bit for bit when two pull requests and a publication share a digest', async () => {
    const { digest } = await push('shared', 'v1-slim');
    const statement = await attach(target, digest);
    await preview(1, digest, 'closed');
    await preview(2, digest, 'concluded');
    await built(digest);
    const tags = ['v1-slim', 'i1-slim'];
    await target.tag('i1-slim', await target.manifest(digest));
    await recordPublication(
      store.db,
      publication({ catalog: `${count}`, digest, repositories: [target.name], tags, immutable: ['i1-slim'] }),
    );
    const before = await pulled('v1-slim');

    const { remove, keep, bytes } = await prune();
    expect(remove).toMatchObject([{ what: 'tag', tag: 'pr-1-slim', digest, bytes: 0 }]);
    expect(keep).toEqual([{ repository: target.name, tag: 'pr-2-slim', why: 'its pull request is open' }]);
    expect(bytes).toBe(0);
    expect((await target.tags()).filter((tag) => !tag.startsWith('sha256-')).sort()).toEqual([
      'i1-slim',
      'pr-2-slim',
      'v1-slim',
    ]);
    expect(await pulled('v1-slim')).toEqual(before);
    expect(await pulled('i1-slim')).toEqual(before);
    expect((await target.referrers(digest)).map((each) => each.digest)).toEqual([statement.digest]);
    expect((await prune()).remove).toEqual([]);
  });

  it('deletes what was built for a closed pull request with all that lies beside it, and nothing that others share', async () => {
    const published = await push('published', 'v1-slim');
    const dead = await push('dead');
    const statement = await attach(target, dead.digest);
    const signature = await attachByTag(target, dead.digest, '.sig', 'a signature');
    await preview(3, dead.digest, 'closed');
    await target.removeTag('base');
    await built(dead.digest);
    const before = await pulled('v1-slim');

    const decision = await prune();
    expect(decision.remove).toMatchObject([
      { what: 'tag', tag: 'pr-3-slim' },
      { what: 'manifest', digest: dead.digest },
    ]);
    expect(decision.bytes).toBeGreaterThan(0);
    const [child] = dead.manifests;
    for (const gone of [dead.digest, statement.digest, signature, child?.descriptor.digest ?? '']) {
      expect(await target.head(gone)).toBeNull();
    }
    expect(await target.tags()).toEqual(['v1-slim']);
    expect(await pulled('v1-slim')).toEqual(before);
    expect(await target.head(published.digest)).not.toBeNull();
    // Asked for again, it is built again.
    const rows = await store.db.select().from(builds);
    expect(rows.find(({ destination }) => destination === target.name)?.state).toBe('cancelled');
  });

  it('keeps a build that somebody waits for, tagged or not', async () => {
    const { digest } = await push('awaited');
    await target.removeTag('base');
    await built(digest, true);
    expect((await prune()).remove).toEqual([]);
    expect(await target.head(digest)).not.toBeNull();
  });

  it('deletes nothing of a build that was asked for anew since it was looked at', async () => {
    const { digest, manifests } = await push('anew');
    await target.removeTag('base');
    await built(digest);
    const decision = await planPrune(target, context());
    expect(decision.remove).toMatchObject([{ what: 'manifest', digest }]);
    await askAgain(digest);
    const { remove, keep } = await applyPrune(target, decision, context(), async () => undefined);
    expect(remove).toEqual([]);
    expect(keep).toEqual([{ repository: target.name, tag: digest, why: 'somebody waits for it again' }]);
    for (const each of [digest, ...manifests.map(({ descriptor }) => descriptor.digest)]) {
      expect(await target.head(each)).not.toBeNull();
    }
  });

  it('stops deleting when the build is asked for meanwhile', async () => {
    const { digest } = await push('meanwhile');
    await attach(target, digest);
    await target.removeTag('base');
    await built(digest);
    const { remove, keep } = await prune(interrupted(async () => void (await askAgain(digest))));
    expect(remove).toEqual([]);
    expect(keep).toMatchObject([{ tag: digest, why: 'somebody waits for it again' }]);
    expect(await target.head(digest)).not.toBeNull();
  });

  it('completes what a crash left', async () => {
    const [one, two] = [await push('one'), await push('two')];
    await target.removeTag('base');
    for (const [pr, { digest }] of [one, two].entries()) {
      await preview(pr + 1, digest, 'closed');
      await built(digest);
    }
    let left = 2;
    const dying = interrupted(async () => {
      if (left-- === 0) throw new Error('the power is cut');
    });
    await expect(prune(dying)).rejects.toThrow('the power is cut');
    left = Number.POSITIVE_INFINITY;
    await prune();
    const all = [one, two].flatMap(({ digest, manifests }) => [
      digest,
      ...manifests.map((each) => each.descriptor.digest),
    ]);
    for (const digest of all) expect(await target.head(digest)).toBeNull();
    expect(await target.tags()).toEqual([]);
  });

  it('removes the tags of a retired target only when asked, immutable ones too', async () => {
    const { digest } = await push('old', 'r1-slim');
    const tags = ['r1-slim'];
    const old = publication({ catalog: `${count}`, digest, repositories: [target.name], tags, immutable: tags });
    await recordPublication(store.db, old);
    await store.db.execute(`UPDATE publisher.publications SET state = 'retired' WHERE catalog = '${count}'`);
    expect((await prune()).remove).toEqual([]);
    expect((await prune(target, { retired: true })).remove).toMatchObject([{ what: 'tag', tag: 'r1-slim' }]);
    expect(await target.tags()).toEqual([]);
  });
});
