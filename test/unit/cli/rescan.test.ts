import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { pushBaseImage } from '../../support/registry/index.ts';
import { type FakeTrivyMode, fakeTrivyEnvironment } from '../../support/trivy/fake-trivy.ts';

let stage: Stage;
let catalog = '';
let digest = '';
beforeAll(async () => {
  stage = await startStage([tinyModel({ id: 'acme/tiny' })]);
  const ignored = '  scan: {ignore: [{id: CVE-2026-0001}]}';
  catalog = await stage.catalog('models', '  - {id: acme/tiny, short: tiny}\n', ignored);
  digest = (await pushBaseImage(stage.repository('acme/hf-tiny'), { tag: 'v1.2.3-slim' })).digest;
});
afterAll(() => stage.close());

const rescan = (mode: FakeTrivyMode) =>
  stage.cli(['rescan', 'tiny', '--catalog', catalog, '--json'], fakeTrivyEnvironment(mode, dirname(process.execPath)));
const ids = (...all: string[]) => all.map((id) => expect.objectContaining({ id }));

test('what appeared since the last scan is told, and exits 1 when it is grave and not ignored', async () => {
  // The first scan has none to be compared with; what counts of it is ignored, and what has no fix does not count.
  const first = await rescan('ok');
  expect(first.json()).toEqual({
    images: [
      {
        short: 'tiny',
        runtime: 'default',
        variant: 'slim',
        reference: `${stage.registry.host}/acme/hf-tiny@${digest}`,
        digest,
        status: 'scanned',
        reason: null,
        appeared: [],
        gone: [],
        summary: expect.objectContaining({ high: 1 }),
      },
    ],
  });
  expect(first.code).toBe(0);
  const second = await rescan('critical');
  expect([second.code, second.json()]).toMatchObject([1, { images: [{ appeared: ids('CVE-2026-0004'), gone: [] }] }]);
  const third = await rescan('critical');
  expect([third.code, third.json()]).toMatchObject([0, { images: [{ appeared: [], gone: [] }] }]);
});

test('an image that is not scanned exits 3, and hides nothing', async () => {
  const failed = await rescan('exit-1');
  expect([failed.code, failed.json()]).toMatchObject([
    3,
    { images: [{ status: 'not-scanned', appeared: [], summary: null }] },
  ]);
  const clean = await rescan('clean');
  expect(clean.json()).toMatchObject({ images: [{ gone: ids('CVE-2026-0004') }] });
});
