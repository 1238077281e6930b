import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODEL, REVISION, writeFiles } from '../../support/entrypoint/model.ts';
import { Stage, type StageOptions, shells } from '../../support/entrypoint/stage.ts';

/** An image with its licence files; a token in the environment, which examining must not hand on. */
function image(options: StageOptions): { stage: Stage; env: Record<string, string>; licenses: string } {
  const stage = new Stage(options);
  const licenses = join(stage.folder, 'licenses');
  mkdirSync(join(licenses, 'model'), { recursive: true });
  for (const name of ['CC0', 'manifest.json', 'model/LICENSE']) writeFileSync(join(licenses, name), 'text\n');
  const env = { MODEL_IMAGE_CHECK: '1', MODEL_IMAGE_LICENSES: licenses, HF_TOKEN: 'hf_good' };
  return { stage, env, licenses };
}

describe.concurrent.each(shells())('in $name, an image that is only examined', ({ command: shell }) => {
  test('tells what it is, without a download', async () => {
    const { stage, env } = image({ shell });
    await using _ = stage;
    const end = await stage.run([], env);
    expect(end.status, end.stderr).toBe(0);
    expect(JSON.parse(end.stdout)).toEqual({
      model: MODEL,
      revision: REVISION,
      variant: 'slim',
      engine: 'vllm',
      program: join(stage.bin, 'vllm'),
      files: stage.files.length,
    });
    expect(stage.fetched()).toEqual([]);
  });

  test('gives options to the program of the engine, and runs a command', async () => {
    const { stage, env } = image({ shell, engine: 'sglang', serveArgs: ['--port', '1'] });
    await using _ = stage;
    const options = await stage.run(['--version'], env);
    expect(options.stdout).toContain('arg=-m\narg=sglang.launch_server\narg=--version\nenv=');
    expect(options.stdout).not.toContain('hf_good');
    const command = await stage.run(['sh', '-c', 'echo "ran $1"; exit 9', 'x', 'a b'], env);
    expect(command.stdout).toContain('\nran a b\n');
    expect(command.status).toBe(9);
  });

  test('without its engine ends with 127', async () => {
    const { stage, env } = image({ shell, engine: 'llamacpp', engines: [] });
    await using _ = stage;
    const end = await stage.run([], env);
    expect(end).toMatchObject({ status: 127, stdout: '' });
    expect(end.stderr).toContain('engine llamacpp not found in this image (no llama-server)');
  });

  test('fails for a licence file that is missing or empty, a list that is cut, and weights that are not there', async () => {
    const { stage, env, licenses } = image({ shell });
    await using _ = stage;
    writeFileSync(join(licenses, 'model/LICENSE'), '');
    expect((await stage.run([], env)).stderr).toContain('model/LICENSE is not in this image');
    writeFileSync(join(licenses, 'model/LICENSE'), 'text');
    writeFileSync(join(stage.etc, 'files.json'), `{"model":"${MODEL}","revision":"${REVISION}","files":[\n`);
    expect(await stage.run([], env)).toMatchObject({ status: 1, stdout: '' });

    const fat = image({ shell, variant: 'fat' });
    await using __ = fat.stage;
    writeFiles(fat.stage.target, fat.stage.files);
    expect((await fat.stage.run([], fat.env)).status).toBe(0);
    rmSync(join(fat.stage.target, 'config.json'));
    expect((await fat.stage.run([], fat.env)).stderr).toContain('config.json is missing');
  });
});

describe.concurrent.each(shells())('in $name, a missing engine', ({ command: shell }) => {
  test('is told before the download, except to who only wants the download', async () => {
    await using stage = new Stage({ shell, engines: [] });
    expect((await stage.run([], { PYTHON_PACKAGES: '' })).status).toBe(127);
    expect(stage.fetched()).toEqual([]);
    expect((await stage.run([], { MODEL_IMAGE_PREFETCH: '1' })).status).toBe(0);
  });
});
