import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { writeMarker } from '../../../src/publish/ownership.ts';
import { claimRuntimes } from '../../../src/publishing/release/own-runtimes.ts';
import type { Store } from '../../../src/store/open.ts';
import { holderOf } from '../../../src/store/repositories.ts';
import { MemoryRegistries, pushImage } from '../../support/publish/memory-publisher.ts';
import { memoryStore } from '../../support/store/memory.ts';

let store: Store;
let registries: MemoryRegistries;
beforeAll(async () => {
  store = await memoryStore();
});
beforeEach(() => {
  registries = new MemoryRegistries();
});
afterAll(() => store.close());

const { signal } = new AbortController();
const claim = (repositories: string[], catalog: string) =>
  claimRuntimes(repositories, catalog, { db: store.db, open: (repository) => registries.open(repository), signal });

it('the first catalog that releases to a repository of runtimes has it, whatever was built there before', async () => {
  const target = registries.open('one.test/acme/first');
  await target.tag('b0123456789ab-cuda', await target.manifest(await pushImage(target, 'built', {})));
  await claim([target.name], '1/models.yaml');
  await claim([target.name], '1/models.yaml');
  expect(await holderOf(store.db, target.name)).toMatchObject({ catalog: '1/models.yaml' });
  await expect(claim([target.name], '2/models.yaml')).rejects.toMatchObject({
    code: 'denied',
    message: expect.stringContaining('another `project`'),
  });
});

it('a repository that is marked as another’s is refused, and then none is claimed', async () => {
  const marked = registries.open('two.test/acme/second');
  await writeMarker(marked, '9/models.yaml', signal);
  const free = registries.open('one.test/acme/second').name;
  await expect(claim([free, marked.name], '1/models.yaml')).rejects.toMatchObject({ code: 'denied' });
  expect([await holderOf(store.db, free), await holderOf(store.db, marked.name)]).toEqual([null, null]);
  await claim([free, marked.name], '9/models.yaml');
  expect(await holderOf(store.db, marked.name)).toMatchObject({ catalog: '9/models.yaml' });
});
