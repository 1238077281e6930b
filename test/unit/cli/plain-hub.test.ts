import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { type PlainHub, startPlainHub } from '../../support/hub/plain.ts';

const FILES = {
  'README.md': '# Plain\n',
  LICENSE: 'MIT, as it was given\n',
  'config.json': '{"architectures": ["LlamaForCausalLM"]}\n',
  'model.safetensors': 'weights, nearly',
  'nested/folder/with space.json': '{}\n',
};
let stage: Stage;
let hub: PlainHub;
beforeAll(async () => {
  stage = await startStage([]);
  hub = await startPlainHub('acme/plain', FILES);
});
afterAll(async () => {
  await hub.close();
  await stage.close();
});

it('plans and builds with a Hub that says only what it must', async () => {
  const catalog = await stage.catalog('plain', '  - {id: acme/plain, short: plain}\n');
  const endpoint = { HF_ENDPOINT: `${hub.url}/` };
  const planned = await stage.cli(['plan', '--json', '--catalog', catalog], endpoint);
  expect(planned.code).toBe(0);
  expect(planned.json()).toMatchObject({
    targets: [
      { variant: 'slim', action: 'build', gated: false, license: { spdx: 'MIT' } },
      {
        variant: 'fat',
        action: 'build',
        warnings: [expect.stringContaining("Not checked: the verdicts of the Hub's scanners")],
      },
    ],
  });
  const to = `oci:${join(stage.folder, 'plain')}`;
  const built = await stage.cli(['build', 'plain', '--json', '--catalog', catalog, '--to', to], endpoint);
  expect([built.code, built.json()]).toMatchObject([
    0,
    { images: [{ variant: 'slim' }, { variant: 'fat' }], errors: [] },
  ]);
});

it('finds what it does not have not found', async () => {
  const catalog = await stage.catalog('other', '  - {id: acme/other, short: other}\n');
  const { code, json } = await stage.cli(['plan', '--json', '--catalog', catalog], { HF_ENDPOINT: hub.url });
  expect(code).toBe(1);
  expect(json()).toMatchObject({ targets: [{ reasons: [{ code: 'not-found' }] }, {}] });
});
