import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stage, startStage } from '../../support/cli/stage.ts';
import { headOf } from '../../support/hub/model.ts';
import { tinyModel } from '../../support/hub/tiny.ts';

const child = tinyModel({ id: 'acme/child', license: 'mit', cardData: { base_model: 'acme/mid' } });
const mid = tinyModel({ id: 'acme/mid', cardData: { base_model: 'meta/llama' } });
const llama = tinyModel({ id: 'meta/llama', license: 'llama3.1', gated: 'manual' });
let stage: Stage;
beforeAll(async () => {
  stage = await startStage([child, mid, llama]);
});
afterAll(() => stage.close());

const ENTRY = '  - {id: acme/child, short: child}\n';
const explain = async (entry: string, ...flags: string[]) =>
  stage.cli(['explain', 'child', '--catalog', await stage.catalog('explain', entry), ...flags]);

it('shows the whole chain from what the Hub said to the decision, with every address that was read', async () => {
  const { code, json } = await explain(ENTRY, '--json');
  expect(code).toBe(0);
  const { sha } = headOf(child);
  expect(json()).toMatchObject({
    evidence: {
      model: { id: 'acme/child', short: 'child', hubName: 'acme/child' },
      revision: sha,
      license: {
        metadata: { declared: 'mit', spdx: 'MIT', class: 'permissive', standing: 'permitted' },
        readme: { spdx: 'MIT' },
        override: null,
        effective: { spdx: 'MIT' },
        duties: [{ license: 'MIT', duties: 'A copy of the licence goes along.' }],
      },
      lineage: [
        { path: ['acme/mid'], license: { spdx: 'Apache-2.0', standing: 'permitted' } },
        { path: ['acme/mid', 'meta/llama'], license: { spdx: 'LicenseRef-llama3.1', standing: 'not-permitted' } },
      ],
      gating: { hub: false, catalog: 'auto' },
      legalFiles: ['LICENSE'],
      sources: [
        { url: `${stage.hub.url}/api/models/acme/child/revision/main` },
        { url: `${stage.hub.url}/api/models/acme/child/tree/${sha}` },
        { url: `${stage.hub.url}/acme/child/resolve/${sha}/README.md` },
        { what: 'config.json' },
        { what: 'tokenizer_config.json' },
        { url: `${stage.hub.url}/api/models/acme/mid/revision/main` },
        { url: `${stage.hub.url}/api/models/meta/llama/revision/main` },
      ],
    },
    targets: [
      { variant: 'slim', action: 'build' },
      { variant: 'fat', action: 'skip', reasons: [{ code: 'lineage-stricter' }, { code: 'license-permissive' }] },
    ],
  });
});

it('says it in plain lines, too', async () => {
  const { code, stdout } = await explain(ENTRY);
  expect(code).toBe(0);
  expect(stdout).toContain('    metadata: mit = MIT (permissive): satisfied by the whitelist\n');
  expect(stdout).toContain(
    '    acme/mid → meta/llama: llama3.1 = LicenseRef-llama3.1 (community-conditions): not satisfied by the whitelist\n',
  );
  expect(stdout).toMatch(/child · fat: skip\n {4}lineage-stricter: .*"meta\/llama" \(by way of "acme\/mid"\)/);
  expect(stdout).toContain(`    file list: ${stage.hub.url}/api/models/acme/child/tree/`);
});

it('has the exit codes of plan, and knows the models of the catalog only', async () => {
  expect((await explain('  - {id: acme/none, short: child}\n', '--json')).code).toBe(1);
  expect((await explain('  - {id: acme/child, short: another}\n')).code).toBe(2);
});
