import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import { claimRuntime, findRuntime } from '../../../src/store/runtimes.ts';
import { repositories } from '../../../src/store/schema.ts';
import { entry } from '../../support/demo/stories.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice, type Team } from '../../support/review/office.ts';

const ONE = 'acme/tiny-one';
const TWO = 'acme/tiny-two';
const VLLM = 'runtimes: [vllm-cuda]';
const SGLANG = 'runtimes: [sglang-cuda]';

let office: Office;
beforeAll(async () => {
  office = await startOffice([ONE, TWO].map((id) => tinyModel({ id })));
});
afterAll(() => office.close());
let project = 0;
beforeEach(async () => {
  // Every test's teams publish to the same names.
  await office.context.store.db.delete(repositories);
  project += 1;
  office.runtimes.begun.length = 0;
  office.runtimes.abandoned.length = 0;
  office.built.length = 0;
});
afterEach(() => {
  office.runtimes.release();
  office.runtimes.failing.clear();
});

/** Runtime images of its own, so that no test finds another's. */
const defaults = () => [`project: runners-${project}`];
const team = () => office.team([], defaults());
const catalog = (...models: string[]) => office.catalog(models, defaults());
const both = (name: string, outcome: string) => ({ [`${name} · slim`]: outcome, [`${name} · fat`]: outcome });

/** What the ledger has planned to wait for. */
async function awaited({ repoId }: Team, pr: number, headSha: string) {
  const review = await office.context.reviews.findReview(office.context.store.db, { repoId, pr, headSha });
  const [request] = review?.plan?.targets.flatMap(({ awaits }) => awaits ?? []) ?? [];
  if (request === undefined) throw new Error('nothing waits');
  return request;
}

describe('models on a runtime that is not there', () => {
  test('wait for it, see it built once, and are built at the same time', async () => {
    const mine = team();
    office.runtimes.hold();
    const pr = await mine.open(catalog(entry(ONE, 'a', VLLM), entry(TWO, 'b', VLLM)));
    const head = mine.head(pr);
    expect(mine.checks(head)).toMatchObject({
      ...both('a', 'queued'),
      ...both('b', 'queued'),
      'model-images': 'in_progress',
    });
    expect(mine.check(head, 'a · slim').title).toBe('Waits for runtime vllm-cuda, which is being built');
    expect(mine.report(pr)).toContain('waits for vllm-cuda');
    office.runtimes.release();
    await vi.waitFor(() => expect(office.runtimes.holding).toBe(0));
    await office.settled();
    expect(mine.check(head, 'a · slim').title).toBe('Waiting to be built');
    await office.begin();
    expect(mine.checks(head)).toMatchObject({ ...both('a', 'in_progress'), ...both('b', 'in_progress') });
    await office.end();
    expect(office.runtimes.begun).toEqual(['vllm-cuda']);
    expect([...office.built].sort()).toEqual(['hf-a fat', 'hf-a slim', 'hf-b fat', 'hf-b slim']);
    expect(mine.checks(head)['model-images']).toBe('success');
  });

  test('of two pull requests share it, and the second finds it there', async () => {
    const [first, second, third] = [team(), team(), team()];
    office.runtimes.hold();
    const one = await first.open(catalog(entry(ONE, 'a', VLLM)));
    const two = await second.open(catalog(entry(TWO, 'b', VLLM)));
    office.runtimes.release();
    await vi.waitFor(() => expect(office.runtimes.holding).toBe(0));
    await office.settled();
    await office.build();
    expect(first.checks(first.head(one))['model-images']).toBe('success');
    expect(second.checks(second.head(two))['model-images']).toBe('success');
    const three = await third.open(catalog(entry(ONE, 'c', VLLM)));
    expect(third.check(third.head(three), 'c · slim').title).toBe('Waiting to be built');
    expect(office.runtimes.begun).toEqual(['vllm-cuda']);
  });

  test('keep the commit they had when they began to wait', async () => {
    const mine = team();
    office.runtimes.hold();
    const pr = await mine.open(catalog(entry(ONE, 'a', VLLM)));
    const head = mine.head(pr);
    const key = { repoId: mine.repoId, pr, headSha: head };
    const revisions = async () => {
      const review = await office.context.reviews.findReview(office.context.store.db, key);
      return review?.plan?.targets.map(({ revision }) => revision);
    };
    const before = await revisions();
    office.runtimes.release();
    await vi.waitFor(() => expect(office.runtimes.holding).toBe(0));
    await office.settled();
    expect(await revisions()).toEqual(before);
  });
});

describe('a runtime that cannot be built', () => {
  test('fails those that stand on it, with its last lines, and nobody else', async () => {
    const mine = team();
    office.runtimes.failing.set('vllm-cuda', 'The build of vllm-cuda failed.\n#9 ERROR: no such package\nexit code: 1');
    const pr = await mine.open(
      catalog(
        entry(ONE, 'a', VLLM),
        entry(TWO, 'b', SGLANG),
        entry(ONE, 'c'),
        entry(ONE, 'd', 'runtimes: [vllm-cuda, default]'),
      ),
    );
    const head = mine.head(pr);
    await office.build();
    expect(mine.checks(head)).toMatchObject({
      ...both('a', 'failure'),
      ...both('b', 'success'),
      ...both('c', 'success'),
      'd · slim · vllm-cuda': 'failure',
      'd · slim · default': 'success',
      'model-images': 'failure',
    });
    const { title, summary } = mine.check(head, 'a · fat');
    expect(title).toBe('Runtime `vllm-cuda` was not built: The build of vllm-cuda failed.');
    expect(summary).toContain('- `#9 ERROR: no such package`\n- `exit code: 1`');
    expect(office.runtimes.begun.sort()).toEqual(['sglang-cuda', 'vllm-cuda']);
  });

  test('is tried again when somebody asks, not because something else happened', async () => {
    const mine = team();
    office.runtimes.failing.set('vllm-cuda', 'no');
    const pr = await mine.open(catalog(entry(ONE, 'a', VLLM)));
    office.runtimes.failing.clear();
    await mine.event(pr);
    expect(mine.checks(mine.head(pr))).toMatchObject({ ...both('a', 'failure'), 'model-images': 'failure' });
    await mine.say(pr, 'maintainer', '/rebuild a');
    await office.build();
    expect(mine.checks(mine.head(pr))).toMatchObject({ ...both('a', 'success'), 'model-images': 'success' });
    expect(office.runtimes.begun).toEqual(['vllm-cuda', 'vllm-cuda']);
  });

  test('is not rebuilt because another one arrives', async () => {
    const mine = team();
    office.runtimes.failing.set('vllm-cuda', 'no');
    office.runtimes.hold();
    await mine.open(catalog(entry(ONE, 'a', VLLM), entry(TWO, 'b', SGLANG)));
    office.runtimes.release();
    await vi.waitFor(() => expect(office.runtimes.holding).toBe(0));
    await office.settled();
    expect(office.runtimes.begun.sort()).toEqual(['sglang-cuda', 'vllm-cuda']);
  });

  test('because there is nothing to build it with says so', async () => {
    const mine = team();
    const { context } = office;
    const before = context.runtimeBuilder;
    context.runtimeBuilder = () => ({
      build: () =>
        Promise.reject(
          new PublisherError('environment', 'There is no buildx: install it, or `runtime publish` elsewhere.'),
        ),
    });
    try {
      const pr = await mine.open(catalog(entry(ONE, 'a', VLLM), entry(ONE, 'b')));
      await office.build();
      expect(mine.checks(mine.head(pr))).toMatchObject({ ...both('a', 'failure'), ...both('b', 'success') });
      expect(mine.check(mine.head(pr), 'a · slim').title).toContain('There is no buildx');
    } finally {
      context.runtimeBuilder = before;
    }
  });
});

describe('a runtime nobody waits for any more', () => {
  test('is given up when the last pull request closes', async () => {
    const [first, second] = [team(), team()];
    office.runtimes.hold();
    const one = await first.open(catalog(entry(ONE, 'a', VLLM)));
    const two = await second.open(catalog(entry(TWO, 'b', VLLM)));
    const request = await awaited(first, one, first.head(one));
    first.change(one, { state: 'closed' });
    await first.event(one);
    expect((await findRuntime(office.context.store.db, request))?.state).toBe('running');
    second.change(two, { state: 'closed' });
    await second.event(two);
    expect((await findRuntime(office.context.store.db, request))?.state).toBe('cancelled');
    await vi.waitFor(() => expect(office.runtimes.abandoned).toEqual(['vllm-cuda']), 5_000);
  });

  test('is built to the end when the pull request is merged, and its publication goes on', async () => {
    const mine = team();
    office.runtimes.hold();
    const text = catalog(entry(ONE, 'merged', VLLM));
    const pr = await mine.open(text);
    const request = await awaited(mine, pr, mine.head(pr));
    mine.merge(pr, text);
    await mine.event(pr);
    const title = 'Merged: its publication goes on';
    expect(mine.check(mine.head(pr), 'merged · slim')).toMatchObject({ conclusion: 'cancelled', title });
    office.runtimes.release();
    await vi.waitFor(() => expect(office.runtimes.holding).toBe(0));
    await office.settled();
    expect((await findRuntime(office.context.store.db, request))?.state).toBe('succeeded');
    await office.build();
    expect([...office.built].sort()).toEqual(['hf-merged fat', 'hf-merged slim']);
  });
});

describe('a worker that died', () => {
  test.each([
    ['before it pushed: the runtime is built', false, ['vllm-cuda']],
    ['after it pushed, before it said so: nothing is built again', true, []],
  ])('%s', async (_, pushed, begun) => {
    const mine = team();
    office.runtimes.hold();
    const pr = await mine.open(catalog(entry(ONE, 'a', VLLM)));
    const request = await awaited(mine, pr, mine.head(pr));
    const { key, repository } = request;
    const { store, queue } = office.context;
    // Somebody else's claim makes the running one void, as a process that came back after its lease would find.
    expect(await claimRuntime(store.db, { key, repository })).not.toBeNull();
    await vi.waitFor(() => expect(office.runtimes.abandoned).toEqual(['vllm-cuda']), 5_000);
    office.runtimes.release();
    office.runtimes.begun.length = 0;
    if (pushed) await office.runtimes.push(request);
    await queue.enqueue('runtime', { key, repository }, { key: `${key} ${repository}` });
    await office.settled();
    expect(office.runtimes.begun).toEqual(begun);
    await office.build();
    expect(mine.checks(mine.head(pr))['model-images']).toBe('success');
  });
});

describe('a fork', () => {
  test('has no runtime built before its commit is approved', async () => {
    const mine = team();
    const pr = await mine.open(catalog(entry(ONE, 'a', VLLM)), { fork: true, author: 'stranger' });
    expect(mine.checks(mine.head(pr))).toMatchObject(both('a', 'action_required'));
    expect(office.runtimes.begun).toEqual([]);
    await mine.say(pr, 'maintainer', `/approve ${mine.head(pr)}`);
    expect(office.runtimes.begun).toEqual(['vllm-cuda']);
    await office.build();
    expect(mine.checks(mine.head(pr))['model-images']).toBe('success');
  });
});

describe('an experimental runtime', () => {
  const odd = () => [...defaults(), 'platforms: [linux/amd64]'];
  const withOdd = (...models: string[]) =>
    `${office.catalog(models, odd())}runtimes: {odd: {engine: vllm, image: "${office.baseReference}", experimental: true}}\n`;

  test('is left out with a note, built when asked for, and kept by later pushes', async () => {
    const mine = team();
    const pr = await mine.open(withOdd(entry(ONE, 'a', 'runtimes: [default, odd]')));
    expect(Object.keys(mine.checks(mine.head(pr)))).toContain('a · slim');
    expect(mine.report(pr)).toContain('/rebuild a --experimental');
    expect((await mine.say(pr, 'maintainer', '/rebuild a --experimental')).reactions).toEqual(['rocket']);
    await office.build();
    expect(mine.checks(mine.head(pr))).toMatchObject({ 'a · slim · odd': 'success', 'model-images': 'success' });
    mine.push(pr, withOdd(entry(ONE, 'a', 'runtimes: [default, odd]', 'serve_args: ["--x"]')));
    await mine.event(pr);
    await office.build();
    expect(mine.checks(mine.head(pr))).toMatchObject({ 'a · slim · odd': 'success', 'model-images': 'success' });
  });

  test('that is all a model has can be asked for, by nobody but those with write access', async () => {
    const mine = team();
    const pr = await mine.open(withOdd(entry(ONE, 'a', 'runtimes: [odd]')));
    expect(mine.checks(mine.head(pr))['model-images']).toBe('success');
    expect(mine.report(pr)).toContain('/rebuild a --experimental');
    await mine.say(pr, 'stranger', '/rebuild a --experimental');
    expect(mine.checks(mine.head(pr))).not.toHaveProperty('a · slim');
    expect((await mine.say(pr, 'maintainer', '/rebuild a')).answer).toContain('no model to build');
    await mine.say(pr, 'maintainer', '/rebuild a --experimental');
    await office.build();
    expect(mine.checks(mine.head(pr))).toMatchObject({ ...both('a', 'success'), 'model-images': 'success' });
  });
});
