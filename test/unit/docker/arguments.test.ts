import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ListedFile, MODEL, writeFiles } from '../../support/entrypoint/model.ts';
import { type Ended, Stage, type StageOptions, shells } from '../../support/entrypoint/stage.ts';

const FILES: ListedFile[] = [{ path: 'config.json', content: Buffer.from('{}') }];
const GGUF: ListedFile[] = ['b-00001-of-00002.gguf', 'b-00002-of-00002.gguf', 'mmproj-b.gguf'].map((path) => ({
  path,
  content: Buffer.from(path),
}));

/** A fat image whose weights are in place: nothing stands between the arguments and the engine. */
function image(options: StageOptions): Stage {
  const stage = new Stage({ variant: 'fat', files: FILES, ...options });
  writeFiles(stage.target, stage.files);
  return stage;
}

const argumentsOf = (end: Ended) =>
  end.stdout.split('\n').flatMap((line) => (line.startsWith('arg=') ? [line.slice(4)] : []));
const environmentOf = (end: Ended) => end.stdout.split('\n').filter((line) => line.startsWith('env='));

describe.concurrent.each(shells())('in $name, arguments', ({ command: shell }) => {
  const serveArgs = ['--port', '8000', '', "it's", 'a "b" $HOME'];

  test('absent or equal to the serve arguments start the engine with them', async () => {
    await using stage = image({ shell, serveArgs });
    for (const args of [[], serveArgs]) {
      const end = await stage.run(args);
      expect(end.status, end.stderr).toBe(0);
      expect(end.stdout).toContain('engine=vllm\n');
      expect(argumentsOf(end)).toEqual(['serve', stage.target, '--served-model-name', MODEL, ...serveArgs]);
    }
  });

  test('that start with a dash follow the serve arguments', async () => {
    await using stage = image({ shell, serveArgs });
    const end = await stage.run(['--dtype', 'b c', '', '*']);
    expect(argumentsOf(end).slice(4)).toEqual([...serveArgs, '--dtype', 'b c', '', '*']);
  });

  test('that name a command run it instead, with the environment as it is and without a download', async () => {
    await using stage = new Stage({ shell, serveArgs });
    const end = await stage.run(['sh', '-c', 'echo "$HF_TOKEN|$1"', 'x', 'a b'], { HF_TOKEN: 'hf_good' });
    expect(end).toMatchObject({ status: 0, stdout: 'hf_good|a b\n', stderr: '' });
    expect(stage.fetched()).toEqual([]);
  });

  test('that begin with an empty one are refused', async () => {
    await using stage = image({ shell });
    const end = await stage.run(['', '--x']);
    expect(end).toMatchObject({ status: 2, stdout: '' });
    expect(end.stderr).toContain('the first argument is empty');
  });

  test('may be missing from the image', async () => {
    await using stage = image({ shell });
    rmSync(join(stage.etc, 'serve-args'));
    expect(argumentsOf(await stage.run(['--x'])).slice(4)).toEqual(['--x']);
  });
});

describe.concurrent.each(shells())('in $name, the engine', ({ command: shell }) => {
  test('is the started process itself, gets its signals, and gives its status', async () => {
    await using stage = image({ shell });
    const run = stage.start([], { ENGINE: 'wait' });
    await run.printed('waiting');
    expect(run.stdout).toContain(`pid=${run.child.pid}\n`);
    run.child.kill('SIGTERM');
    expect(await run.ended).toMatchObject({ status: 0, stdout: expect.stringContaining('terminated') });
    expect(await stage.run([], { ENGINE_STATUS: '42' })).toMatchObject({ status: 42 });
  });

  test('keeps a served name that was asked for', async () => {
    await using stage = image({ shell, serveArgs: ['--served-model-name=mine'] });
    expect(argumentsOf(await stage.run())).toEqual(['serve', stage.target, '--served-model-name=mine']);
  });

  test('vllm is the Python module when there is no such command', async () => {
    await using stage = image({ shell, engines: ['python3'] });
    const end = await stage.run();
    expect(end.stdout).toContain('engine=python3\n');
    const module = ['-m', 'vllm.entrypoints.openai.api_server', '--model', stage.target];
    expect(argumentsOf(end)).toEqual([...module, '--served-model-name', MODEL]);
  });

  test('sglang listens for everyone on its port, unless told otherwise', async () => {
    await using stage = image({ shell, engine: 'sglang' });
    const launch = ['-m', 'sglang.launch_server', '--model-path', stage.target, '--served-model-name', MODEL];
    expect(argumentsOf(await stage.run())).toEqual([...launch, '--host', '0.0.0.0', '--port', '30000']);
    const asked = ['--host=::1', '--port', '1'];
    expect(argumentsOf(await stage.run(asked))).toEqual([...launch, ...asked]);
  });

  test('llama.cpp gets the first part of the model and its projector, and listens for everyone', async () => {
    await using stage = image({ shell, engine: 'llamacpp', files: GGUF });
    const end = await stage.run(['-c', '512']);
    const projector = ['--mmproj', join(stage.target, 'mmproj-b.gguf')];
    const model = ['--model', join(stage.target, 'b-00001-of-00002.gguf')];
    expect(argumentsOf(end)).toEqual([...model, ...projector, '--alias', MODEL, '-c', '512']);
    expect(environmentOf(end)).toContain('env=LLAMA_ARG_HOST=0.0.0.0');
    const local = await stage.run([], { LLAMA_ARG_HOST: '127.0.0.1' });
    expect(environmentOf(local)).toContain('env=LLAMA_ARG_HOST=127.0.0.1');
  });

  test('that is not in the image is named', async () => {
    for (const engine of ['vllm', 'sglang'] as const) {
      await using stage = image({ shell, engine, engines: ['python3'] });
      const end = await stage.run([], { PYTHON_PACKAGES: '' });
      expect(end.status).toBe(127);
      expect(end.stderr).toContain(`engine ${engine} not found in this image`);
    }
  });

  test('has a HF_HOME and a HOME that can be written', async () => {
    await using stage = image({ shell });
    expect(environmentOf(await stage.run())).toContain(`env=HF_HOME=${join(stage.home, 'hf')}`);
    expect(environmentOf(await stage.run([], { HF_HOME: stage.tmp }))).toContain(`env=HF_HOME=${stage.tmp}`);
    const file = join(stage.folder, 'file');
    writeFileSync(file, '');
    const nowhere = environmentOf(await stage.run([], { HF_HOME: join(file, 'hf'), HOME: file }));
    expect(nowhere).toEqual(expect.arrayContaining(['env=HF_HOME=/tmp/hf', 'env=HOME=/tmp/home']));
  });
});
