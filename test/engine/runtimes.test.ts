import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { docker, engineMissing, pushBase } from '../support/engine/engine.ts';
import { type Distribution, findProgram, startDistribution, tarOf } from '../support/registry/index.ts';
import { type BridgedEngine, startBridgedEngine } from '../support/runtimes/bridged-engine.ts';

const LICENSE = 'The terms of a stand-in for llama.cpp.\n';
const SERVER =
  '#!/bin/sh\necho "llama-server: $*, uid $(id -u), home $HOME"\n[ -w "$HOME" ] && [ -w /models ] && echo writable\n';
/** BuildKit's scanner protocol: statements of in-toto, written where BUILDKIT_SCAN_DESTINATION says. */
const SCANNER = [
  '#!/bin/sh',
  'set -eu',
  '[ -d "$BUILDKIT_SCAN_SOURCE" ]',
  'found=absent',
  '[ ! -e "$BUILDKIT_SCAN_SOURCE/usr/local/bin/llama-server" ] && [ ! -L "$BUILDKIT_SCAN_SOURCE/usr/local/bin/llama-server" ] || found=llama-server',
  'cat >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json" <<EOF',
  '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"sbom","packages":[{"name":"$found","SPDXID":"SPDXRef-Package"}]}}',
  'EOF',
  '',
].join('\n');

const missing =
  engineMissing() ??
  (findProgram('docker-registry') === null ? 'no docker-registry' : null) ??
  (findProgram('busybox') === null ? 'no busybox' : null) ??
  (findProgram('ip') === null || findProgram('dockerd') === null || process.getuid?.() !== 0
    ? 'no root, dockerd and ip'
    : null);

describe.skipIf(missing !== null)(`runtime images${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let registry: Distribution;
  let engine: BridgedEngine;
  let archives: Server;
  let folder: string;
  const local: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-runtimes-'));
    registry = await startDistribution();
    engine = await startBridgedEngine();
    const archive = gzipSync(tarOf({ 'llama-b1/llama-server': SERVER, 'llama-b1/LICENSE': LICENSE }));
    archives = createServer((_, response) => response.end(archive)).listen(0, '127.0.0.1');
    await once(archives, 'listening');
    await pushBase(`${registry.host}/base:v1`);
    await pushImage('scanner:v1', { 'scanner.sh': SCANNER }, [
      `FROM ${registry.host}/base:v1`,
      'COPY --chmod=755 scanner.sh /scanner.sh',
      'ENTRYPOINT ["/scanner.sh"]',
    ]);
    // As docker's own image of llama-server lays it out, and without a licence file.
    await pushImage('llama:b2-cuda', { server: SERVER }, [
      'FROM scratch',
      'COPY --chmod=755 server /com.docker.llama-server.native.linux.cuda.amd64/bin/com.docker.llama-server',
      'COPY server /com.docker.llama-server.native.linux.cuda.amd64/lib/libllama.so',
    ]);
    local.push(`${registry.host}/base:v1`);
    await writeFile(join(folder, 'models.yaml'), JSON.stringify(catalog()));
  });

  afterAll(async () => {
    for (const image of local) await docker(['rmi', '--force', image]);
    archives?.close();
    await engine?.close();
    await registry?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function catalog() {
    const address = archives.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const base = { BASE_IMAGE: `${registry.host}/base:v1`, LLAMA_SERVER_VARIANT: 'cpu' };
    const archive = {
      ...base,
      LLAMA_SERVER_VERSION: 'b1',
      LLAMA_SERVER_URL: `http://127.0.0.1:${port}/llama-b1.tar.gz`,
    };
    const image = { ...base, LLAMA_SERVER_VERSION: 'b2', LLAMA_SERVER_IMAGE: `${registry.host}/llama` };
    const runtime = (args: Record<string, string>) => ({
      engine: 'llamacpp',
      platforms: ['linux/amd64'],
      build: { target: 'final-llamacpp', args },
    });
    return {
      defaults: { registries: { here: `${registry.host}/acme` }, publish: { here: true }, project: 'runners' },
      runtimes: {
        archive: runtime(archive),
        image: runtime({ ...image, LLAMA_SERVER_VARIANT: 'cuda' }),
        broken: runtime({ ...archive, LLAMA_SERVER_VARIANT: 'abacus' }),
      },
      models: [],
    };
  }

  async function pushImage(name: string, files: Record<string, string>, dockerfile: string[]): Promise<void> {
    const place = await mkdtemp(join(folder, 'image-'));
    for (const [path, text] of Object.entries(files)) await writeFile(join(place, path), text);
    await writeFile(join(place, 'Dockerfile'), [...dockerfile, ''].join('\n'));
    const reference = `${registry.host}/${name}`;
    const built = await docker(['build', '--network=host', '--provenance=false', '-t', reference, place]);
    expect(built.code, built.stderr).toBe(0);
    const pushed = await docker(['push', reference]);
    expect(pushed.code, pushed.stderr).toBe(0);
    local.push(reference);
  }

  async function runtime(...argv: string[]) {
    const written = { stdout: '', stderr: '' };
    const exit = await runCli(['runtime', ...argv, '--json', '--catalog', join(folder, 'models.yaml')], {
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      variables: {
        DOCKER_HOST: engine.host,
        DATA_DIR: join(folder, 'data'),
        SBOM_GENERATOR: `${registry.host}/scanner:v1`,
      },
    });
    return { exit, ...written, result: JSON.parse(written.stdout) };
  }

  const ACCEPT = ['index', 'manifest'].map((kind) => `application/vnd.oci.image.${kind}.v1+json`).join(', ');
  async function get(path: string) {
    const answer = await fetch(`http://${registry.host}/v2/acme/runners/${path}`, { headers: { accept: ACCEPT } });
    expect(answer.status, path).toBe(200);
    return { digest: answer.headers.get('docker-content-digest'), body: JSON.parse(await answer.text()) };
  }

  /** in-toto statements attached to the first platform, by predicate type. */
  async function attested(tag: string): Promise<Map<string, Record<string, unknown>>> {
    const { body: index } = await get(`manifests/${tag}`);
    const attached = index.manifests.find(
      ({ annotations }: { annotations?: Record<string, string> }) =>
        annotations?.['vnd.docker.reference.type'] === 'attestation-manifest',
    );
    const { body: manifest } = await get(`manifests/${attached.digest}`);
    const statements = new Map<string, Record<string, unknown>>();
    for (const layer of manifest.layers) {
      const { body } = await get(`blobs/${layer.digest}`);
      statements.set(body.predicateType, body.predicate);
    }
    return statements;
  }

  test('is published with its tags, provenance of every step and what the generator lists', async () => {
    const { exit, stderr, result } = await runtime('publish', 'archive', '--tag', 'v1', '--latest');
    expect(exit, stderr).toBe(0);
    const [built] = result.runtimes;
    local.push(...built.references);
    expect(built.tags).toEqual([expect.stringMatching(/^b[0-9a-f]{12}-archive$/), 'v1-archive', 'latest-archive']);
    expect(result.unpinned).toEqual([`${registry.host}/base:v1`]);
    for (const tag of built.tags) expect((await get(`manifests/${tag}`)).digest).toBe(built.digest);

    const statements = await attested('v1-archive');
    const provenance = statements.get('https://slsa.dev/provenance/v0.2');
    expect(provenance).toMatchObject({
      buildConfig: { llbDefinition: expect.anything() },
      invocation: { parameters: { args: { 'build-arg:LLAMA_SERVER_VERSION': 'b1', target: 'final-llamacpp' } } },
      materials: expect.arrayContaining([
        expect.objectContaining({ uri: expect.stringContaining('/base@v1') }),
        expect.objectContaining({
          uri: expect.stringContaining('llama-b1.tar.gz'),
          digest: { sha256: expect.any(String) },
        }),
      ]),
    });
    expect(statements.get('https://spdx.dev/Document')).toMatchObject({ packages: [{ name: 'llama-server' }] });
  });

  test('starts the engine without root, with a home and a model folder of its own, and keeps the licence', async () => {
    const image = `${registry.host}/acme/runners:v1-archive`;
    local.push(image);
    const started = await docker(['run', '--rm', '--network=none', '--pull=always', image, '--version']);
    expect(started.stdout, started.stderr).toBe('llama-server: --version, uid 1000, home /home/model\nwritable\n');
    const read = await docker([
      'run',
      '--rm',
      '--network=none',
      '--entrypoint=cat',
      image,
      '/licenses/runtime/llama.cpp/LICENSE',
    ]);
    expect(read.stdout, read.stderr).toBe(LICENSE);
    const [inspected] = JSON.parse((await docker(['inspect', image])).stdout);
    expect(inspected.Config.Labels).toMatchObject({
      'io.model-image-publisher.runtime': 'archive',
      'org.opencontainers.image.version': 'b1',
    });
  });

  test('takes llama-server out of an image, and supplies the licence text where that image has none', async () => {
    const { exit, stderr, result } = await runtime('publish', 'image', 'broken');
    const [built, broken] = result.runtimes;
    local.push(...built.references);
    expect(built.digest, stderr).toMatch(/^sha256:/);
    expect(exit).toBe(1);
    expect(broken).toMatchObject({ name: 'broken', digest: null, error: { code: 'image-invalid' } });
    expect(broken.error.message).toContain('LLAMA_SERVER_VARIANT is "abacus"');
    const run = (...args: string[]) => docker(['run', '--rm', '--network=none', ...args]);
    expect((await run(built.reference, '-x')).stdout).toContain('llama-server: -x, uid 1000');
    const text = await run('--entrypoint=cat', built.reference, '/licenses/runtime/llama.cpp/LICENSE');
    expect(text.stdout).toContain('supplied by the publisher');
    expect(text.stdout).toContain('Permission is hereby granted');
  });

  test('is kept as an OCI layout on demand', async () => {
    const { exit, stderr, result } = await runtime('build', 'archive', '--to', `oci:${join(folder, 'layouts')}`);
    expect(exit, stderr).toBe(0);
    const index = JSON.parse(await readFile(join(folder, 'layouts', 'archive', 'index.json'), 'utf8'));
    expect(index.manifests[0].digest).toBe(result.runtimes[0].digest);
  });
});
