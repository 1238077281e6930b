import { expect, test } from 'vitest';
import { smokeImage } from '../../../../src/build/smoke/run.ts';
import type { SmokeRequest } from '../../../../src/build/smoke/types.ts';
import { PublisherError } from '../../../../src/errors.ts';
import type { RunOptions, RunResult } from '../../../../src/exec.ts';

const REFERENCE = `127.0.0.1:5000/acme/hf-tiny@sha256:${'a'.repeat(64)}`;
const EXPECTED = { model: 'acme/tiny', revision: 'a'.repeat(40), variant: 'slim', engine: 'vllm' } as const;
const TOLD = `${JSON.stringify({ ...EXPECTED, program: '/bin/vllm', files: 3 })}\n`;
const REQUEST: SmokeRequest = {
  reference: REFERENCE,
  pull: true,
  platforms: ['linux/amd64'],
  weights: 0,
  command: null,
  expected: EXPECTED,
  dockerConfig: '/auth/acme',
};

type Answer = Partial<RunResult> | PublisherError;

/** A docker that answers by its subcommand; what it is not told to answer succeeds without a word. */
function engine(answers: Record<string, Answer>, installed = true) {
  const calls: { args: readonly string[]; options: RunOptions }[] = [];
  const standard: Record<string, Answer> = {
    version: { stdout: '{"Os":"linux","Arch":"amd64","Version":"26"}' },
    image: { exitCode: 1 },
    run: { stdout: TOLD },
  };
  const parts = {
    env: { PATH: '/bin', DOCKER_HOST: 'tcp://engine:2375', HF_TOKEN: 'hf_secret' },
    redact: (text: string) => text.replaceAll('hf_secret', '***'),
    find: async () => (installed ? '/bin/docker' : null),
    async run(_command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
      calls.push({ args, options });
      const answer = { ...standard, ...answers }[args[0] ?? ''] ?? {};
      if (answer instanceof PublisherError) throw answer;
      const result = { stdout: '', stderr: '', exitCode: 0, durationMs: 1, ...answer };
      if (result.exitCode !== 0 && options.check !== false) throw new PublisherError('internal', 'docker failed.');
      return result;
    },
  };
  return { parts, calls, did: () => calls.map(({ args }) => args[0]) };
}

test('an image is pulled with its owner’s credentials, run without them, and removed again', async () => {
  const { parts, calls, did } = engine({});
  expect(await smokeImage(parts, REQUEST)).toEqual({ status: 'passed', reason: null });
  expect(did()).toEqual(['version', 'image', 'pull', 'run', 'rm', 'rmi']);
  const env = (name: string) => calls.find(({ args }) => args[0] === name)?.options.env;
  expect(env('pull')).toEqual({ PATH: '/bin', DOCKER_HOST: 'tcp://engine:2375', DOCKER_CONFIG: '/auth/acme' });
  expect(env('run')).toEqual({ PATH: '/bin', DOCKER_HOST: 'tcp://engine:2375' });
});

test('an image that the engine has already is neither pulled nor removed', async () => {
  const { parts, did } = engine({ image: { exitCode: 0 } });
  expect((await smokeImage(parts, REQUEST)).status).toBe('passed');
  expect(did()).toEqual(['version', 'image', 'run', 'rm']);
});

test.each<[string, Record<string, Answer>, Partial<SmokeRequest>, string]>([
  ['no engine answers', { version: { exitCode: 1, stderr: 'Cannot connect' } }, {}, 'no container engine answers'],
  ['the engine runs another platform', {}, { platforms: ['linux/arm64'] }, 'the image is for linux/arm64'],
  ['it is too large to fetch', {}, { weights: 3e9 }, '3 GB of weights'],
  ['it cannot be pulled', { pull: { exitCode: 1 } }, {}, 'docker failed'],
  ['the engine cannot create the container', { run: { exitCode: 125, stderr: 'x\nno cgroups.\n' } }, {}, 'no cgroups'],
  ['the engine talks nonsense', { version: { stdout: '{"Os":1}' } }, {}, 'Os'],
  ['a name is not there', {}, { pull: false }, 'does not have'],
])('an image is not run, never passed, where %s', async (_, answers, changes, reason) => {
  const result = await smokeImage(engine(answers).parts, { ...REQUEST, ...changes });
  expect(result.status).toBe('not-run');
  expect(result.reason).toContain(reason);
});

test('without docker nothing is started', async () => {
  const { parts, did } = engine({}, false);
  expect(await smokeImage(parts, REQUEST)).toEqual({ status: 'not-run', reason: 'there is no docker command' });
  expect(did()).toEqual([]);
});

test('an image that does not end in time has failed, and its container is removed', async () => {
  const { parts, did } = engine({ run: new PublisherError('internal', 'docker did not end within 120 s.') });
  expect(await smokeImage(parts, REQUEST)).toEqual({ status: 'failed', reason: 'docker did not end within 120 s.' });
  expect(did().slice(-2)).toEqual(['rm', 'rmi']);
});

test('a cancelled run is no result, and cleans up all the same', async () => {
  const { parts, calls, did } = engine({ run: new PublisherError('cancelled', 'docker was cancelled.') });
  const { signal } = new AbortController();
  await expect(smokeImage(parts, { ...REQUEST, signal })).rejects.toMatchObject({ code: 'cancelled' });
  expect(did().slice(-2)).toEqual(['rm', 'rmi']);
  expect(calls.slice(-2).map(({ options }) => options.signal)).toEqual([undefined, undefined]);
});

test('the runtime’s command is run, and what fails is quoted without secrets', async () => {
  const { parts, calls } = engine({ run: { stdout: TOLD, stderr: 'bad hf_secret\n', exitCode: 3 } });
  const result = await smokeImage(parts, { ...REQUEST, command: ['--version'] });
  expect(calls.find(({ args }) => args[0] === 'run')?.args.at(-1)).toBe('--version');
  expect(result.reason).toContain('It ended with exit code 3');
  expect(result.reason).toContain('bad ***');
});
