import { expect, test } from 'vitest';
import { runArguments } from '../../../../src/build/smoke/arguments.ts';

const DIGEST = `127.0.0.1:5000/acme/hf-tiny@sha256:${'a'.repeat(64)}`;
const args = runArguments(DIGEST, 'smoke-1', ['--version']);

test('the image is the first argument that is no option, and the command follows it untouched', () => {
  const at = args.findIndex((argument, index) => index > 0 && !argument.startsWith('--'));
  expect(args.slice(at)).toEqual([DIGEST, '--version']);
  expect(runArguments(DIGEST, 'x', ['sh', '-c', 'a "b" $(c)']).slice(-3)).toEqual(['sh', '-c', 'a "b" $(c)']);
});

test('nothing goes in: no network, no volume, no variable but the question', () => {
  expect(args).toContain('--network=none');
  expect(
    args.filter((argument) => /^(-v|--volume|--mount|--env-file|--device|--gpus|--privileged)/.test(argument)),
  ).toEqual([]);
  const variables = args.flatMap((argument) =>
    argument.startsWith('--env=') ? [argument.slice('--env='.length)] : [],
  );
  expect(variables.filter((variable) => !variable.endsWith('='))).toEqual(['MODEL_IMAGE_CHECK=1']);
  // Docker's client adds those of its configuration unless they are given, in either case.
  expect(variables).toEqual(expect.arrayContaining(['HTTPS_PROXY=', 'https_proxy=', 'HTTP_PROXY=', 'all_proxy=']));
});

test('nothing is gained and nothing is without bounds', () => {
  expect(args).toEqual(
    expect.arrayContaining([
      '--rm',
      '--name=smoke-1',
      '--pull=never',
      '--cap-drop=ALL',
      '--security-opt=no-new-privileges',
      '--read-only',
      '--memory=4g',
      '--memory-swap=4g',
      '--pids-limit=512',
      '--log-driver=none',
      '--no-healthcheck',
    ]),
  );
});
