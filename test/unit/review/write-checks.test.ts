import { expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { checkReports } from '../../../src/report/checks.ts';
import { createCheckMemory, writeChecks } from '../../../src/review/write-checks.ts';
import { createFakeGitHub } from '../../support/github/index.ts';
import { building, planned, reviewReport, targetState } from '../../support/report/report.ts';

const repo = { owner: 'acme', name: 'models' };
const headSha = 'c'.repeat(40);
const key = { repoId: 4242, pr: 7, headSha };
const running = checkReports(reviewReport([targetState(planned('tiny'), { build: building, scan: null, gate: null })]));
const done = checkReports(reviewReport([targetState(planned('tiny'))]));

function setUp() {
  const github = createFakeGitHub();
  github.addCommit(headSha, {});
  return {
    github,
    context: { checkMemory: createCheckMemory(), services: { clock: systemClock, redact: (text: string) => text } },
  };
}

test('only checks that say something new are written, the required one after the others', async () => {
  const { github, context } = setUp();
  await writeChecks(github, repo, key, running, context);
  await writeChecks(github, repo, key, running, context);
  expect(github.checkHistory.map(({ name }) => name)).toEqual(['models.yaml', 'tiny · slim', 'scan', 'model-images']);
  await writeChecks(github, repo, key, done, context);
  expect(github.checkHistory.slice(4).map(({ name }) => name)).toEqual(['tiny · slim', 'scan', 'model-images']);
});

test('another process finds the same runs', async () => {
  const { github, context } = setUp();
  await writeChecks(github, repo, key, running, context);
  await writeChecks(github, repo, key, done, { ...context, checkMemory: createCheckMemory() });
  expect(github.checks).toHaveLength(4);
  expect(github.checks.every(({ status }) => status === 'completed')).toBe(true);
});

test('two pull requests of one commit have runs of their own', async () => {
  const { github, context } = setUp();
  await writeChecks(github, repo, key, done, context);
  await writeChecks(github, repo, { ...key, pr: 8 }, done, context);
  expect(new Set(github.checks.map(({ externalId }) => externalId)).size).toBe(8);
});
