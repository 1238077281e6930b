import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkNamed, entry, openPull, outcomes, reportOf, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type FakeTrivyMode, fakeTrivyEnvironment } from '../support/trivy/fake-trivy.ts';

const OPEN = 'acme/tiny-chat';

let world: World;
beforeAll(async () => {
  world = await startWorld({ models: [tinyModel({ id: OPEN })] });
});
afterAll(() => world.close());

/** A pull request with one model, scanned by a Trivy that behaves as told; null is a machine without Trivy. */
async function review(short: string, mode: FakeTrivyMode | null, defaults: string[] = []) {
  Object.assign(world.variables, mode === null ? { PATH: '/nonexistent' } : fakeTrivyEnvironment(mode));
  const pull = await openPull(world, short, [entry(OPEN, short)], defaults);
  await settle(world, world.bot.url);
  const checks = await world.github.checks(pull.repo, pull.headSha);
  return { checks, conclusions: outcomes(checks), report: await reportOf(world, pull) };
}

describe('where scanning is required', () => {
  test.each<[string, string, FakeTrivyMode | null, RegExp]>([
    ['there is no Trivy', 'no-trivy', null, /Trivy is not installed/],
    ['Trivy ran out of memory', 'exit-137', 'exit-137', /137|memory/],
    ['Trivy gave half a report', 'half', 'half', /report|JSON/i],
    ['Trivy failed', 'exit-1', 'exit-1', /connection refused/],
  ])('%s: built, but model-images fails with the reason', async (_, short, mode, reason) => {
    const { checks, conclusions, report } = await review(short, mode);
    expect(conclusions).toEqual({
      'models.yaml': 'success',
      [`${short} · slim`]: 'success',
      [`${short} · fat`]: 'success',
      scan: 'failure',
      'model-images': 'failure',
    });
    expect(checkNamed(checks, 'model-images').title).toMatch(/not scanned because /);
    expect(checkNamed(checks, 'model-images').title).toMatch(reason);
    expect(checkNamed(checks, `${short} · fat`).summary).toContain('Not scanned');
    expect(report.split('\n')[0]).toContain('not scanned because ');
    // Trivy's own words may hold credentials.
    expect(JSON.stringify(checks) + report).not.toContain('canary');
  });

  test('findings below the gate pass and are counted by severity, fixable apart', async () => {
    const { checks, conclusions } = await review('below', 'ok');
    expect(conclusions).toMatchObject({ 'below · slim': 'success', scan: 'success', 'model-images': 'success' });
    expect(checkNamed(checks, 'below · fat').title).toBe('Built and scanned: 1 high, 1 medium, 1 low (1 fixable)');
  });

  test('a critical finding that the bare base does not have fails the gate', async () => {
    const { checks, conclusions, report } = await review('critical', 'critical');
    expect(conclusions).toMatchObject({
      'critical · slim': 'failure',
      'critical · fat': 'failure',
      scan: 'failure',
      'model-images': 'failure',
    });
    expect(checkNamed(checks, 'critical · slim').summary).toContain('CVE-2026-0004');
    expect(report).toContain('**gate failed** on `CVE-2026-0004`');
  });

  test('a finding that the bare base has as well passes and is set apart', async () => {
    const { conclusions, report } = await review('in-base', 'ok', ['scan: {fail_on: [high], ignore_unfixed: true}']);
    expect(conclusions).toMatchObject({ 'in-base · slim': 'success', 'model-images': 'success' });
    expect(report).toContain('1 finding of the base image set apart');
  });

  // Last: the bare base is scanned once for a database, and from here on it would count as clean.
  test('nothing found: success, with the counts', async () => {
    const { checks, conclusions, report } = await review('clean', 'clean');
    expect(conclusions).toMatchObject({ scan: 'success', 'model-images': 'success' });
    expect(checkNamed(checks, 'clean · slim').title).toBe('Built and scanned: none found');
    expect(report).toMatch(/#### Trivy\n\n- \*\*clean\*\* .*: none found, database of 2026-11-20/);
  });
});
