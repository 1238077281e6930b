import { afterAll, beforeAll, expect, it } from 'vitest';
import { nameRelease } from '../../../src/publishing/release/name-release.ts';
import { parse } from '../../../src/review/read-catalogs.ts';
import { findRelease, requestRelease } from '../../../src/store/releases.ts';
import { claimRepository } from '../../../src/store/repositories.ts';
import { entry } from '../../support/demo/stories.ts';
import { imageInputs } from '../../support/image/inputs.ts';
import { built, DIGEST, planned, targetState } from '../../support/report/report.ts';
import { type Office, startOffice } from '../../support/review/office.ts';

let office: Office;
beforeAll(async () => {
  office = await startOffice([]);
});
afterAll(() => office.close());

it('names nothing where another catalog has the repository of its runtimes', async () => {
  const { context, registry } = office;
  const { db } = context.store;
  const parsed = parse(office.catalog([entry('acme/tiny', 'tiny')], ['project: runtimes']));
  if (!parsed.valid) throw new Error('no catalog');
  const catalog = '1/models.yaml';
  await requestRelease(db, catalog, { tag: 'v1.0.0', latest: false, experimental: false, set: [] });
  const row = await findRelease(db, { catalog, tag: 'v1.0.0' });
  if (row === null) throw new Error('no release');
  const runtimes = `${registry.host}/acme/runtimes`;
  await claimRepository(db, runtimes, '2/models.yaml');
  const request = {
    key: 'b'.repeat(64),
    inputs: imageInputs(),
    hubId: 'acme/tiny',
    files: [],
    legal: [],
    unreadable: [],
    lastModified: '2030-01-01T00:00:00Z',
    base: { reference: `${runtimes}:b0123456789ab-cuda`, digest: DIGEST, own: true },
    smoke: null,
  };
  const target = planned('tiny', { runtime: 'cuda', request });
  const release = { row, commit: 'c'.repeat(40), catalog: parsed.catalog, targets: [target], isNew: true };
  const job = { installationId: 1, repoId: 1, owner: 'acme', repo: 'models', tag: 'v1.0.0', issue: 7 };
  const naming = nameRelease(
    job,
    release,
    [targetState(target, { build: built('tiny') })],
    context,
    new AbortController().signal,
  );
  await expect(naming).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining(runtimes) });
  expect(registry.requests.filter(({ method }) => method === 'PUT').map(({ path }) => path)).not.toContainEqual(
    expect.stringContaining('acme/'),
  );
});
