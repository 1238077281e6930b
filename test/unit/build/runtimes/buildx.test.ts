import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { type BuildxOptions, createBuildx } from '../../../../src/build/runtimes/buildx.ts';
import { PublisherError } from '../../../../src/errors.ts';
import type { RunOptions, RunResult, run } from '../../../../src/exec.ts';
import { builtRuntime, runtimeRequest } from '../../../support/runtimes/request.ts';

const DIGEST = `sha256:${'2'.repeat(64)}`;
const INSPECTED = [
  'Name:   farm',
  'Driver: docker-container',
  'Nodes:',
  'Name: farm0',
  'Platforms: linux/amd64*, linux/386',
  'Name: farm1',
  'Platforms: linux/arm64',
].join('\n');

interface Call {
  command: string;
  args: readonly string[];
  options: RunOptions;
}

/** A docker whose answers are given by the first arguments; the rest ends well and says nothing. */
function engine(
  answers: Record<string, Partial<RunResult>>,
  metadata: unknown = { x: { 'containerimage.digest': DIGEST } },
) {
  const calls: Call[] = [];
  const fake: typeof run = async (command, args, options = {}) => {
    calls.push({ command, args, options });
    const file = args[args.indexOf('--metadata-file') + 1];
    if (args.includes('--metadata-file') && file !== undefined) await writeFile(file, JSON.stringify(metadata));
    const key = Object.keys(answers).find((start) => args.join(' ').startsWith(start));
    return { stdout: '', stderr: '', exitCode: 0, durationMs: 1, ...(key === undefined ? {} : answers[key]) };
  };
  return { calls, fake };
}

const container = { 'buildx inspect': { stdout: INSPECTED } };
const buildx = (fake: typeof run, changes: Partial<BuildxOptions> = {}) =>
  createBuildx({
    context: process.cwd(),
    pins: {},
    sbomGenerator: null,
    network: null,
    variables: {},
    dockerConfig: null,
    redact: (text) => text.replaceAll('canary', '***'),
    run: fake,
    ...changes,
  });
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => (error instanceof PublisherError ? error : null),
  );

test('builds the one target, and tells the reference models take and the digest of the index', async () => {
  const { calls, fake } = engine(container);
  const notes: string[] = [];
  const built = await buildx(fake, { onNote: (note) => notes.push(note) }).build(runtimeRequest('x'));
  expect(built).toEqual({ name: 'x', reference: 'ghcr.io/acme/model-runner:babababababab-x', digest: DIGEST });
  expect(calls.at(-1)?.args.slice(0, 3)).toEqual(['buildx', 'bake', '--file']);
  expect(calls.at(-1)?.args.at(-1)).toBe('x');
  expect(notes).toEqual([expect.stringContaining('ubuntu:24.04 is not pinned')]);
});

test('hands on what docker and buildx read, nothing else, and keeps the builders of another login', async () => {
  const { calls, fake } = engine(container);
  const variables = { BUILDX_BUILDER: 'farm', DOCKER_HOST: 'tcp://h', DOCKER_CONFIG: '/mine', HF_TOKEN: 'hf_canary' };
  await buildx(fake, { variables, dockerConfig: '/auth/acme' }).build(runtimeRequest('x'));
  expect(calls.at(-1)?.options.env).toEqual({
    BUILDX_BAKE_ENTITLEMENTS_FS: '0',
    BUILDX_BUILDER: 'farm',
    BUILDX_CONFIG: '/mine/buildx',
    DOCKER_CONFIG: '/auth/acme',
    DOCKER_HOST: 'tcp://h',
  });
});

test.each([
  [
    '#7 0.1 no such wheel\nERROR: failed to solve: process "/bin/sh" did not complete successfully: exit code: 1',
    'image-invalid',
  ],
  [
    'ERROR: failed to solve: failed to push ghcr.io/acme/x: dial tcp: lookup ghcr.io: no such host',
    'registry-unavailable',
  ],
  ['ERROR: failed to solve: failed to push ghcr.io/a/b: unexpected status: 403 Forbidden', 'registry-denied'],
  [
    'ERROR: failed to solve: a/b:v1: failed to resolve source metadata for docker.io/a/b:v1: not found',
    'registry-not-found',
  ],
  ['ERROR: Cannot connect to the Docker daemon at unix:///x.', 'environment'],
])('a build that ends with %j failed of %s', async (stderr, code) => {
  const { fake } = engine({ ...container, 'buildx bake': { exitCode: 1, stderr } });
  expect(await failure(buildx(fake).build(runtimeRequest('x')))).toMatchObject({ code });
});

test('a failure tells what the steps wrote and the error, without secrets and excerpts of the Dockerfile', async () => {
  const stderr = [
    '#9 0.5 cannot find canary',
    '------',
    ' 12 | >>> RUN false',
    'ERROR: failed to solve: process "false" did not complete successfully: exit code: 1',
  ].join('\n');
  const { fake } = engine({ ...container, 'buildx bake': { exitCode: 1, stderr } });
  expect((await failure(buildx(fake).build(runtimeRequest('x'))))?.message).toBe(
    'Runtime x could not be built:\ncannot find ***\nERROR: failed to solve: process "false" did not complete successfully: exit code: 1',
  );
});

test('without buildx it says what to install', async () => {
  const { fake } = engine({ 'buildx inspect': { exitCode: 1, stderr: "docker: 'buildx' is not a docker command." } });
  const error = await failure(buildx(fake).build(runtimeRequest('x')));
  expect(error).toMatchObject({ code: 'environment' });
  expect(error?.message).toContain('install it');
});

test('a platform that no node has is refused before anything is built', async () => {
  const { calls, fake } = engine(container);
  const both = builtRuntime('x', { platforms: ['linux/amd64', 'linux/arm64'] });
  await buildx(fake).build(runtimeRequest('x', { runtime: both }));
  const s390x = builtRuntime('x', { platforms: ['linux/amd64', 'linux/s390x'] });
  const before = calls.length;
  const error = await failure(buildx(fake).build(runtimeRequest('x', { runtime: s390x })));
  expect(error?.message).toMatch(/`farm` does not build for linux\/s390x .*linux\/amd64, linux\/386, linux\/arm64/);
  expect(calls.slice(before).some(({ args }) => args.includes('bake'))).toBe(false);
});

test('the engine with its old image store cannot keep attestations; with containerd it can', async () => {
  const inspected = { 'buildx inspect': { stdout: 'Name: default\nDriver: docker\nNodes:\nPlatforms: linux/amd64\n' } };
  const old = engine({ ...inspected, info: { stdout: '[["Backing Filesystem","extfs"]]' } });
  const refused = await failure(buildx(old.fake).build(runtimeRequest('x')));
  expect(refused).toMatchObject({ code: 'environment' });
  expect(refused?.message).toContain('--driver docker-container');
  expect(await buildx(old.fake).make(runtimeRequest('x'), { kind: 'none' })).toBeNull();
  const status = '[["driver-type","io.containerd.snapshotter.v1"]]';
  const store = engine({ ...inspected, info: { stdout: status } });
  expect(await buildx(store.fake).build(runtimeRequest('x'))).toMatchObject({ digest: DIGEST });
});

test('metadata without a digest is no success', async () => {
  const { fake } = engine(container, { x: { 'image.name': 'y' } });
  expect(await failure(buildx(fake).build(runtimeRequest('x')))).toMatchObject({ code: 'internal' });
});
