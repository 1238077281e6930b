import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { GitHub, IssueState } from '../../../src/github/types.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import type { Digest } from '../../../src/registry/types.ts';
import { createScanner, type Scanner } from '../../../src/scan/scanner.ts';
import { retireTarget } from '../../../src/store/publications.ts';
import { databaseOf, rememberScan } from '../../../src/store/scans.ts';
import { runRescan } from '../../../src/watch/rescan-job.ts';
import { type ManualClock, manualClock } from '../../support/clock/manual-clock.ts';
import { createFakeGitHub } from '../../support/github/index.ts';
import { type Office, startOffice } from '../../support/review/office.ts';
import { type FakeTrivyMode, fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';
import { digestOfLetter, publication, publish } from '../../support/watch/published.ts';

const DAY = 24 * 60 * 60 * 1_000;
let office: Office;
let clock: ManualClock;
let trivy: Record<string, string>;
let issues: { marker: string; issue: IssueState }[];
let scans: string[];
let catalog: string;
let scan: Scanner;
/** Each test has a catalog and an image of its own. */
let count = 0;
let id: string;
let digest: Digest;

beforeAll(async () => {
  office = await startOffice([]);
});
beforeEach(async () => {
  count += 1;
  id = `${count}/models.yaml`;
  digest = digestOf(Buffer.from(id));
  clock = manualClock(Date.parse('2026-03-10T03:00:00Z'));
  trivy = fakeTrivyEnvironment('ok');
  issues = [];
  scans = [];
  catalog = 'models: []\n';
  scan = createScanner(office.context.services, trivy);
  await publish(office.context.store.db, { catalog: id, digest });
  await scanAtPublication();
});
afterAll(() => office.close());

/** Publishing scans, too: that is what the first rescan is compared with. */
async function scanAtPublication(updatedAt?: string) {
  const scanned = await scan(`registry.test/acme/hf-tiny@${digest}`, ['linux/amd64'], 'acme');
  if (scanned.status !== 'scanned') throw new Error(scanned.reason);
  const database = { ...scanned.database, ...(updatedAt === undefined ? {} : { updatedAt }) };
  const result = { ...scanned, database };
  const now = new Date(clock.now());
  await rememberScan(office.context.store.db, { digest, database: databaseOf(result) }, result, now);
}

const job = {
  id: 'x',
  attempt: 1,
  lastAttempt: false,
  signal: new AbortController().signal,
  postpone: () => undefined,
};

async function rescan(mode: FakeTrivyMode, short: string | null = null): Promise<void> {
  Object.assign(trivy, fakeTrivyEnvironment(mode));
  const github: GitHub = {
    ...createFakeGitHub(),
    repository: async () => ({ id: 7, private: false, defaultBranch: 'main', name: 'models', owner: 'acme' }),
    branchHead: async () => 'f'.repeat(40),
    fileAt: async () => ({ kind: 'file', text: catalog, bytes: catalog.length }),
    upsertIssue: async (_, marker, issue) => issues.push({ marker, issue }),
  };
  await clock.advance(DAY);
  const data = { installationId: 1, repoId: 7, owner: 'acme', repo: 'models', path: 'models.yaml', short };
  await runRescan(
    { data: { ...data, catalog: id }, ...job },
    {
      ...office.context,
      services: { ...office.context.services, clock },
      github: async () => github,
      scan(reference, ...rest) {
        scans.push(reference);
        return scan(reference, ...rest);
      },
    },
  );
}

test('what appears between two scans opens one issue, the same once more changes nothing, and clean closes it', async () => {
  await rescan('ok');
  expect(issues).toEqual([]);
  await rescan('critical');
  expect(issues).toEqual([{ marker: 'rescan-tiny', issue: expect.objectContaining({ open: true }) }]);
  expect(issues[0]?.issue.body).toContain('(critical)');
  // The high finding was there when it was published.
  expect(issues[0]?.issue.body).not.toContain('(high)');
  await rescan('critical');
  expect(issues).toHaveLength(1);
  await rescan('clean');
  expect(issues.slice(1)).toEqual([{ marker: 'rescan-tiny', issue: expect.objectContaining({ open: false }) }]);
  await rescan('clean');
  expect(issues).toHaveLength(2);
  await rescan('critical');
  expect(issues).toHaveLength(3);
  expect(issues[2]?.issue.open).toBe(true);
});

test('an image that was not scanned is not clean', async () => {
  await rescan('critical');
  await rescan('exit-1');
  expect(issues).toHaveLength(1);
  await rescan('clean');
  expect(issues[1]?.issue.open).toBe(false);
});

test('a scan that somebody else made meanwhile does not hide what appeared', async () => {
  await rescan('ok');
  Object.assign(trivy, fakeTrivyEnvironment('critical'));
  await scanAtPublication('2026-11-25T12:00:00Z');
  await rescan('critical');
  expect(issues).toHaveLength(1);
});

test('a crash before the issue is written is made up for', async () => {
  const { context } = office;
  await rescan('critical');
  await context.store.db.execute('UPDATE publisher.watched SET told = NULL');
  issues = [];
  await rescan('critical');
  expect(issues).toHaveLength(1);
});

test('what the catalog ignores opens no issue', async () => {
  catalog = 'defaults:\n  scan:\n    ignore: [{id: CVE-2026-0001}, {id: CVE-2026-0004}]\nmodels: []\n';
  await rescan('critical');
  expect(issues).toEqual([]);
});

test('with a catalog that cannot be used nothing is scanned: its ignores are unknown', async () => {
  catalog = 'models: 7\n';
  await rescan('critical');
  expect(scans).toEqual([]);
});

test('the slim image stands for a fat one on the same base', async () => {
  await publish(office.context.store.db, {
    catalog: id,
    variant: 'fat',
    inputs: '2'.repeat(64),
    digest: digestOfLetter('e'),
  });
  await rescan('critical');
  expect(scans).toEqual([`registry.test/acme/hf-tiny@${digest}`]);
  expect(issues[0]?.issue.body).toContain('`default fat`, `default slim`');
});

test('a model that is published no more has its issue closed', async () => {
  await rescan('critical');
  await retireTarget(office.context.store.db, publication({ catalog: id }));
  await rescan('critical');
  expect(issues[1]?.issue.open).toBe(false);
});

test('one model alone can be asked for', async () => {
  await publish(office.context.store.db, {
    catalog: id,
    short: 'other',
    digest: digestOfLetter('f'),
    repositories: ['registry.test/acme/hf-other'],
  });
  await rescan('critical', 'tiny');
  expect(scans).toEqual([`registry.test/acme/hf-tiny@${digest}`]);
});
