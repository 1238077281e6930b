import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type FakeTrivyMode, fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';

const REFERENCE = 'ghcr.io/acme/hf-tiny:v1-slim';
let stage: Stage;
let catalog = '';
beforeAll(async () => {
  stage = await startStage([tinyModel({ id: 'acme/tiny' })]);
  catalog = await stage.catalog('models', '  - {id: acme/tiny, short: tiny}\n  - {id: acme/absent, short: absent}\n');
});
afterAll(() => stage.close());

/** The stand-in is a Node program: it has to find this very Node. */
const trivy = (mode: FakeTrivyMode) => fakeTrivyEnvironment(mode, dirname(process.execPath));
const scan = (argv: string[], variables: Record<string, string>) => stage.cli(['scan', ...argv], variables);

describe('scan without Trivy', () => {
  const none = { PATH: tmpdir() };

  it('says not scanned, and exits 3', async () => {
    const { code, json } = await scan([REFERENCE, '--json'], none);
    expect(code).toBe(3);
    expect(json()).toEqual({
      reference: REFERENCE,
      status: 'not-scanned',
      reason: expect.stringContaining('not installed'),
      summary: null,
      findings: [],
      database: null,
    });
  });

  it('says so in words, --fail-on or not', async () => {
    const { code, stdout } = await scan([REFERENCE, '--fail-on', 'critical'], none);
    expect([code, stdout]).toEqual([3, expect.stringMatching(/hf-tiny:v1-slim: not scanned: Trivy is not installed/)]);
  });
});

describe('scan with Trivy', () => {
  it('gives findings as the contract names them', async () => {
    const { code, json } = await scan([REFERENCE, '--json'], trivy('critical'));
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      reference: REFERENCE,
      status: 'scanned',
      reason: null,
      summary: { critical: 1, high: 1, medium: 1, low: 1, unknown: 0, fixable: 2 },
      database: { version: 2, updatedAt: '2026-11-20T12:00:00Z' },
    });
    expect(json()).toHaveProperty(
      'findings',
      expect.arrayContaining([
        expect.objectContaining({
          id: 'CVE-2026-0001',
          severity: 'high',
          package: 'libexample1',
          installed: '1.0-1',
          fixed: '1.0-2',
          class: 'os-pkgs',
          title: expect.any(String),
          url: 'https://avd.aquasec.com/nvd/cve-2026-0001',
        }),
      ]),
    );
  });

  it.each([
    ['critical', 'ok', 0],
    ['critical', 'critical', 1],
    ['HIGH', 'ok', 1],
    ['low', 'clean', 0],
  ] as const)('--fail-on %s over "%s" findings exits %i', async (severity, mode, code) => {
    expect((await scan([REFERENCE, '--fail-on', severity], trivy(mode))).code).toBe(code);
  });

  it('exits 3 when Trivy fails, without what it should not have told', async () => {
    const { code, stdout, stderr, json } = await scan([REFERENCE, '--json'], trivy('exit-1'));
    expect(code).toBe(3);
    expect(json()).toMatchObject({ status: 'not-scanned', reason: expect.stringContaining('connection refused') });
    expect(stdout + stderr).not.toContain('canary');
  });

  it('scans the slim image of a model, under the tag it publishes to', async () => {
    const { code, json } = await scan(['tiny', '--json', '--catalog', catalog], trivy('ok'));
    expect(code).toBe(0);
    expect(json()).toMatchObject({ reference: `${stage.registry.host}/acme/hf-tiny:v1.2.3-slim`, status: 'scanned' });
  });

  it('of a model that cannot be built ends as its plan does', async () => {
    const absent = await scan(['absent', '--json', '--catalog', catalog], trivy('ok'));
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringContaining('not-found: ')]);
    const dead = await scan(['tiny', '--catalog', catalog], { ...trivy('ok'), HF_ENDPOINT: 'http://127.0.0.1:9' });
    expect([dead.code, dead.stderr]).toEqual([3, expect.stringContaining('hub-unavailable: ')]);
  });
});
