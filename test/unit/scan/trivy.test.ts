import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find, run } from '../../../src/exec.ts';
import { scanResultSchema } from '../../../src/scan/result-schema.ts';
import { scanImage, serialScanner, type TrivyParts } from '../../../src/scan/trivy.ts';
import { type FakeTrivyMode, fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';

const reference = `registry.test/acme/hf-tiny@sha256:${'1'.repeat(64)}`;
const request = { reference, dockerConfig: null };
// The stand-in is a Node script: this process's own Node runs it.
const path = [dirname(process.execPath), '/usr/bin', '/bin'].join(':');
const parts = (mode: FakeTrivyMode, more: Partial<TrivyParts> = {}): TrivyParts => ({
  ...{ run, find, env: fakeTrivyEnvironment(mode, path), cacheDir: null },
  redact: (text) => text.replaceAll('canary', '***'),
  ...more,
});
const scan = (mode: FakeTrivyMode, more: Partial<TrivyParts> = {}) => scanImage(parts(mode, more), request);
const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('publisher-scan-'));

let before: string[];
beforeAll(async () => {
  before = await leftovers();
});
afterAll(async () => {
  const after = await leftovers();
  expect(after.filter((name) => !before.includes(name))).toEqual([]);
});

describe('an image that is scanned', () => {
  test('has findings, their summary, and the age of the database', async () => {
    const result = await scan('ok');
    expect(result).toMatchObject({
      ...{ status: 'scanned', reference, summary: { critical: 0, high: 1, medium: 1, low: 1, unknown: 0, fixable: 1 } },
      database: { version: 2, updatedAt: '2026-11-20T12:00:00Z' },
    });
    expect(scanResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  });

  test('may have none', async () => {
    expect(await scan('clean')).toMatchObject({ status: 'scanned', findings: [] });
  });

  test('is scanned away from our secrets and from files lying about', async () => {
    const env = { ...fakeTrivyEnvironment('ok', path), HF_TOKEN: 'x', PRIVATE_KEY: 'x', TRIVY_PASSWORD: 'x' };
    expect(await scan('ok', { env })).toMatchObject({ status: 'scanned' });
  });

  test('is read with the credentials of its owner, which the version is asked without', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'publisher-docker-'));
    const seen: [string | undefined, string | undefined][] = [];
    const spy: typeof run = (command, args, options) => {
      seen.push([args[0], options?.env?.DOCKER_CONFIG]);
      return run(command, args, options);
    };
    await scanImage(parts('ok', { run: spy }), { ...request, dockerConfig: folder });
    await rm(folder, { recursive: true });
    expect(seen.map(([command]) => command)).toEqual(['version', 'image', 'version']);
    expect(seen.map(([, config]) => config === folder)).toEqual([false, true, false]);
  });
});

describe('an image that is not scanned says why:', () => {
  test('Trivy is missing', async () => {
    expect(await scan('ok', { env: { PATH: '/no/such/folder' } })).toEqual({
      ...{ status: 'not-scanned', reference, reason: 'Trivy is not installed (not found on PATH)' },
      ...{ summary: null, findings: [], database: null },
    });
  });

  test.each<[FakeTrivyMode, RegExp]>([
    ['half', /Trivy's report cannot be read: it is not a whole JSON document \(\d+ characters\)$/],
    ['exit-1', /trivy ended with exit code 1: run error: .*connection refused$/],
    ['exit-137', /trivy ended with exit code 137$/],
    ['killed', /trivy was killed by SIGKILL$/],
    ['malicious', /Trivy 0\.69\.5 is one of the malicious releases/],
  ])('%s', async (mode, reason) => {
    expect(await scan(mode)).toMatchObject({ status: 'not-scanned', reason: expect.stringMatching(reason) });
  });

  test('what Trivy says is quoted without secrets', async () => {
    expect(JSON.stringify(await scan('exit-1'))).not.toContain('canary');
  });

  test('it takes too long', async () => {
    const hurried: typeof run = (command, args, options) =>
      run(command, args, { ...options, timeoutMs: args[0] === 'image' ? 500 : 60_000 });
    expect(await scan('slow', { run: hurried })).toMatchObject({
      status: 'not-scanned',
      reason: 'trivy did not end within 0.5 s',
    });
  });
});

test('a scan that nobody waits for is cancelled, not reported', async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 500);
  await expect(scanImage(parts('slow'), { ...request, signal: controller.signal })).rejects.toMatchObject({
    code: 'cancelled',
  });
});

test('scans run one after another, also after one that fails or is cancelled', async () => {
  let running = 0;
  const alone: typeof run = async (command, args, options) => {
    running += 1;
    expect(running).toBe(1);
    try {
      return await run(command, args, options);
    } finally {
      running -= 1;
    }
  };
  const scanner = serialScanner(parts('ok', { run: alone }));
  const results = await Promise.allSettled([
    scanner(request),
    scanner({ ...request, signal: AbortSignal.abort() }),
    scanner(request),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
