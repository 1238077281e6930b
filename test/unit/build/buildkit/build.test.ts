import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { BuildRequest } from '../../../../src/build/types.ts';
import { type RunResult, run } from '../../../../src/exec.ts';
import { openLayout } from '../../../../src/registry/layout.ts';
import { OCI_MANIFEST } from '../../../../src/registry/media-types.ts';
import { openWorkshop, type Workshop } from '../../../support/build/workshop.ts';
import { type HubStandIn, startHub } from '../../../support/hub/server.ts';
import { tinyModel } from '../../../support/hub/tiny.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../../../support/registry/index.ts';

let hub: HubStandIn;
let registry: RegistryStandIn;
let workshop: Workshop;
let request: BuildRequest;
let scratch: string;
let before: string | undefined;

beforeAll(async () => {
  hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })], signedUrlMs: 30_000 });
  registry = await startRegistry();
  workshop = openWorkshop(hub.url);
  await pushBaseImage(workshop.repository(registry.host, 'base/runtime'), { tag: 'v1' });
  const wish = { base: `${registry.host}/base/runtime:v1`, variant: 'fat', builder: 'buildkit' } as const;
  request = await workshop.request(wish);
});
afterAll(async () => {
  await hub.close();
  await registry.close();
});
beforeEach(async () => {
  before = process.env.TMPDIR;
  scratch = await mkdtemp(join(tmpdir(), 'publisher-buildkit-test-'));
  process.env.TMPDIR = scratch;
});
afterEach(async () => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  await rm(scratch, { recursive: true, force: true });
});

type Run = typeof run;
const ended = (result: Partial<RunResult>): RunResult => ({
  stdout: '',
  stderr: '',
  exitCode: 0,
  durationMs: 1,
  ...result,
});

/** A docker whose builder answers, and whose build does as it is told here. */
const docker =
  (build: (args: readonly string[]) => Promise<RunResult>): Run =>
  async (_, args) =>
    args.includes('inspect') ? ended({ stdout: 'Driver: docker\n' }) : build(args);

const attempt = (given: BuildRequest, runner: Run) =>
  workshop.build(given, [workshop.repository(registry.host, 'acme/out')], {
    buildkit: { ...workshop.buildkit, variables: {}, run: runner },
  });

describe('a build with BuildKit', () => {
  it('without docker says what is missing', async () => {
    const missing: Run = (_, args, options) => run('docker-that-is-not-installed', args, options);
    await expect(attempt(request, missing)).rejects.toMatchObject({ code: 'environment', exitCode: 2 });
  });

  it('without buildx says what to install, before anything is downloaded', async () => {
    hub.requests.length = 0;
    const refusing: Run = async () => ended({ exitCode: 1, stderr: "docker: 'buildx' is not a docker command." });
    const failed = expect(attempt(request, refusing)).rejects;
    await failed.toMatchObject({ code: 'environment', message: expect.stringContaining('docker-buildx') });
    expect(hub.requests).toEqual([]);
  });

  it('leaves nothing on disk when it fails', async () => {
    const failing = docker(async () => ended({ exitCode: 1, stderr: 'ERROR: failed to solve: digest mismatch' }));
    await expect(attempt(request, failing)).rejects.toMatchObject({ code: 'download-corrupt' });
    expect(await readdir(scratch)).toEqual([]);
  });

  it('refuses what was planned with another Dockerfile, or for another Hub', async () => {
    const never = docker(() => Promise.reject(new Error('was run')));
    const { buildkit } = request.inputs;
    if (buildkit === undefined) throw new Error('planned for the assembler');
    for (const other of [
      { ...buildkit, dockerfile: 'f'.repeat(64) },
      { ...buildkit, arguments: { ...buildkit.arguments, HF_ENDPOINT: 'https://elsewhere.example' } },
      undefined,
    ]) {
      const changed = { ...request, inputs: { ...request.inputs, buildkit: other } };
      await expect(attempt(changed, never)).rejects.toMatchObject({ code: 'image-invalid' });
    }
  });

  it('refuses an image that does not stand on its base', async () => {
    const layers = [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${'9'.repeat(64)}`, size: 1 },
    ];
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: `sha256:${'8'.repeat(64)}`,
      size: 1,
    };
    const manifest = new TextEncoder().encode(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }),
    );
    const other = docker(async (args) => {
      const flag = (pattern: RegExp) => args.flatMap((each) => pattern.exec(each)?.[1] ?? [])[0] ?? '';
      const { digest } = await openLayout(flag(/dest=([^,]+)/)).putManifest(manifest, OCI_MANIFEST);
      await writeFile(flag(/--metadata-file=(.+)/), JSON.stringify({ 'containerimage.digest': digest }));
      return ended({});
    });
    const failed = expect(attempt(request, other)).rejects;
    await failed.toMatchObject({ code: 'image-invalid', message: expect.stringContaining('other layers') });
  });
});
