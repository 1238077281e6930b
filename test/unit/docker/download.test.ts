import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ListedFile, MODEL, repository, tinyModel } from '../../support/entrypoint/model.ts';
import { contentOf, contentOfList, Stage, shells, which } from '../../support/entrypoint/stage.ts';
import { headOf } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';

const SHARD = 'model-00001-of-00002.safetensors';

interface Scene extends AsyncDisposable {
  stage: Stage;
  hub: HubStandIn;
  run(env?: Record<string, string>): ReturnType<Stage['run']>;
}

/** A slim image and a Hub on loopback with its model. */
async function scene(
  shell: readonly string[],
  tool: 'curl' | 'wget' | 'busybox-wget',
  gated: 'manual' | false = false,
): Promise<Scene> {
  const files: ListedFile[] = tinyModel();
  const model = repository(files, gated);
  const tokens = { hf_good: [MODEL], hf_other: [] };
  const hub = await startHub({ models: [model], tokens, signedUrlMs: 60_000 });
  const stage = new Stage({ shell, files, tools: [tool] });
  stage.describe(files, headOf(model).sha);
  return {
    stage,
    hub,
    run: (env = {}) => stage.run([], { HF_ENDPOINT: `${hub.url}/`, ...env }),
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

const rangesOf = (hub: HubStandIn) => hub.requests.flatMap((request) => request.headers.range ?? []);
const authorizationsOf = (hub: HubStandIn, server: 'hub' | 'cdn') =>
  new Set(hub.requests.filter((request) => request.server === server).map((request) => request.headers.authorization));

// How the shells differ is the other files' subject.
const present = shells().filter(({ name }) => !name.startsWith('bash'));
const missing = (['curl', 'wget', 'busybox'] as const).filter((tool) => which(tool) === undefined);
const tools = (['curl', 'wget', 'busybox-wget'] as const).filter(
  (tool) => which(tool.split('-')[0] ?? '') !== undefined,
);
const cases = present.flatMap((shell) => tools.map((tool) => ({ ...shell, tool })));

test.skipIf(missing.length > 0)(
  `all real downloaders are here to be tested with${missing.map((tool) => ` (no ${tool})`)}`,
  () => {
    expect(tools).toEqual(['curl', 'wget', 'busybox-wget']);
  },
);

describe.concurrent.each(cases)('in $name, $tool', ({ command: shell, tool }) => {
  test('fetches every file under its own name, goes on where a connection was lost, and tries a damaged one again', async () => {
    await using at = await scene(shell, tool);
    const { hub, stage } = at;
    hub.fail({ fault: { kind: 'truncate', bytes: 500 }, server: 'cdn', match: /00001-of/ });
    hub.fail({ fault: { kind: 'status', status: 503 }, match: /config\.json/, times: 2 });
    hub.fail({ fault: { kind: 'corrupt', at: 0 }, server: 'cdn', match: /00002-of/ });
    const end = await at.run();
    expect(end.status, end.stderr).toBe(0);
    expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
    // Once for the address at the Hub, once for the content.
    expect(new Set(rangesOf(hub))).toEqual(new Set(['bytes=500-']));
    expect(end.stderr).toMatch(/model-00002-of-00002.safetensors: expected sha256/);
    expect(end.stderr).not.toContain('Signature=');
  });

  test('says what to do when the model is gated', async () => {
    await using at = await scene(shell, tool, 'manual');
    const end = await at.run();
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toContain(
      `${MODEL} is gated or private: accept the conditions at https://huggingface.co/${MODEL} and pass -e HF_TOKEN=`,
    );
    expect(at.hub.requests).toHaveLength(1);
  });

  test('gives a file up after a few attempts that bring nothing', async () => {
    await using at = await scene(shell, tool);
    at.hub.fail({ fault: { kind: 'drop' }, times: 100 });
    const end = await at.run();
    expect(end.status).toBe(1);
    expect(end.stderr).toMatch(/(curl|wget) failed with status \d+, 3 attempts/);
  });

  test('names a file that is no longer there', async () => {
    await using at = await scene(shell, tool);
    at.stage.describe(at.stage.files, 'f'.repeat(40));
    const end = await at.run();
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('is no longer at');
  });
});

describe.concurrent.each(present)('in $name, curl', ({ command: shell }) => {
  const hasCurl = which('curl') !== undefined;
  const title = hasCurl ? '' : ' (curl is not installed here)';

  test.skipIf(!hasCurl)(`gives the token to the Hub only, and not by argument or environment${title}`, async () => {
    await using at = await scene(shell, 'curl', 'manual');
    const end = await at.run({ HF_TOKEN: 'hf_good\n' });
    expect(end.status, end.stderr).toBe(0);
    expect(contentOf(at.stage.target)).toEqual(contentOfList(at.stage.files));
    expect(authorizationsOf(at.hub, 'hub')).toEqual(new Set(['Bearer hf_good']));
    expect(authorizationsOf(at.hub, 'cdn')).toEqual(new Set([undefined]));
    expect(at.stage.recorded('curl').join('\n')).not.toContain('hf_good');
    expect(end.stdout + end.stderr).not.toContain('hf_good');
  });

  test.skipIf(!hasCurl)(`does not take an expired address of the content host for a denial${title}`, async () => {
    await using at = await scene(shell, 'curl');
    at.hub.fail({ fault: { kind: 'status', status: 403 }, server: 'cdn' });
    const end = await at.run();
    expect(end.status, end.stderr).toBe(0);
  });
});

describe.concurrent.each(cases.filter(({ tool }) => tool !== 'curl'))(
  'in $name, $tool alone',
  ({ command: shell, tool }) => {
    test('never sends a token, and says why a gated model cannot be had', async () => {
      await using at = await scene(shell, tool, 'manual');
      const end = await at.run({ HF_TOKEN: 'hf_good' });
      expect(end.status).toBe(1);
      expect(end.stderr).toContain('only wget, which cannot keep a token from other hosts');
      expect(authorizationsOf(at.hub, 'hub')).toEqual(new Set([undefined]));
      expect(at.stage.recorded('wget').join('\n') + end.stderr).not.toContain('hf_good');
    });

    test('fetches a public model although a token is set', async () => {
      await using at = await scene(shell, tool);
      const end = await at.run({ HF_TOKEN: 'hf_good' });
      expect(end.status, end.stderr).toBe(0);
      expect(contentOf(at.stage.target).has(SHARD)).toBe(true);
    });
  },
);

describe.concurrent.each(shells())('in $name, half files of a killed hf', ({ command: shell }) => {
  test('are deleted where no client will go on with them, and kept where one will', async () => {
    await using stage = new Stage({ shell });
    const gate = join(stage.folder, 'gate');
    const halves = join(stage.partial, '.cache/huggingface/download');
    const list = createHash('sha256')
      .update(readFileSync(join(stage.etc, 'files.json')))
      .digest('hex');
    mkdirSync(join(halves, 'nested/deep folder'), { recursive: true });
    writeFileSync(join(stage.partial, '.model-image.list'), `${list}\n`);
    const etag = 'a'.repeat(64);
    const orphans = [`x_-1=.${etag}.0123abcd.incomplete`, `nested/deep folder/y.${etag}.89ef4567.incomplete`];
    const resumable = [`x_-1=.${etag}.incomplete`, `nested/deep folder/y.${etag}.incomplete`];
    for (const name of [...orphans, ...resumable]) writeFileSync(join(halves, name), 'half');
    const run = stage.start([], { FAULT: `gate:${gate}` });
    await run.printed('downloading');
    expect(orphans.filter((name) => existsSync(join(halves, name)))).toEqual([]);
    expect(resumable.filter((name) => existsSync(join(halves, name)))).toEqual(resumable);
    writeFileSync(gate, '');
    expect((await run.ended).status).toBe(0);
  });
});
