import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/log.ts';
import { RegistryClient } from '../../../../src/registry/client.ts';
import { anonymous } from '../../../../src/registry/credentials.ts';
import { type BaseImage, pushBaseImage, type RegistryStandIn, startRegistry } from '../../../support/registry/index.ts';

const SCRIPT = new URL('../../../../scripts/pin.ts', import.meta.url).pathname;
let registry: RegistryStandIn;
let base: BaseImage;
let folder = '';

beforeAll(async () => {
  registry = await startRegistry({ auth: 'none' });
  folder = await mkdtemp(join(tmpdir(), 'publisher-pin-'));
  const client = new RegistryClient({
    fetch: globalThis.fetch,
    clock: systemClock,
    credentials: anonymous,
    logger: silentLogger,
    userAgent: 'test',
  });
  base = await pushBaseImage(client.repository({ registry: registry.host, repository: 'base' }), { tag: 'v1' });
});
afterAll(async () => {
  await registry.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runtimes of these bases, in the place of all built-in ones, pinned by the script itself. */
async function pin(bases: Record<string, string>) {
  const names = ['llamacpp-cpu', 'cuda', 'vllm-cuda', 'sglang-cuda', 'rocm', 'musa', 'cann'];
  const runtimes = Object.fromEntries([
    ...names.map((name) => [name, { engine: 'vllm', image: 'example.org/not/built:v1' }]),
    ...Object.entries(bases).map(([name, image]) => [
      name,
      { engine: 'llamacpp', build: { target: 'final-llamacpp', args: { BASE_IMAGE: image } } },
    ]),
  ]);
  const [catalog, lock] = [join(folder, 'models.yaml'), join(folder, 'lock.json')];
  await writeFile(catalog, JSON.stringify({ runtimes, models: [] }));
  await writeFile(lock, '{"bases": {}}');
  const ended = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const args = [SCRIPT, '--catalog', catalog, '--lock', lock];
    const env = { PATH: process.env.PATH, HOME: folder };
    execFile(process.execPath, args, { env }, (error, _, stderr) => resolve({ code: error?.code ?? 0, stderr }));
  });
  return { ...ended, lock: JSON.parse(await readFile(lock, 'utf8')) };
}

describe('pinning', () => {
  test('writes the digest of every base and ends well', async () => {
    const reference = `${registry.host}/base:v1`;
    expect(await pin({ one: reference, two: reference })).toEqual({
      code: 0,
      stderr: '',
      lock: { bases: { [reference]: base.digest } },
    });
  });

  test('names what it could not resolve, writes no digest for it, and says so by its exit code', async () => {
    const [there, absent] = [`${registry.host}/base:v1`, `${registry.host}/base:absent`];
    const { code, stderr, lock } = await pin({ one: there, two: absent });
    expect([code, lock]).toEqual([3, { bases: { [there]: base.digest } }]);
    expect(stderr).toContain(`${absent} is unpinned: `);
  });
});
