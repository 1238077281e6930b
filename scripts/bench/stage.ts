import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import { find } from '../../src/exec.ts';
import { guardedHttp } from '../../src/http/fetch.ts';
import { silentLogger } from '../../src/log.ts';
import { RegistryClient } from '../../src/registry/client.ts';
import { pushBaseImage } from '../../test/support/registry/base-image.ts';
import { startDistribution } from '../../test/support/registry/distribution.ts';
import type { BenchHub } from './hub.ts';
import { notMeasured } from './measure.ts';

/** What one way of building is given: an empty registry that holds two bases, and a folder. All of it goes away afterwards. */
export interface Stage extends AsyncDisposable {
  hub: BenchHub;
  /** `127.0.0.1:PORT`. */
  registry: string;
  folder: string;
  signal: AbortSignal;
}

/** Two versions of a base, and one for another runtime: a shell and a file each, for two platforms. */
export const BASES = { v1: 'base:v1', v2: 'base:v2', other: 'other:v1' } as const;

export async function openStage(hub: BenchHub, signal: AbortSignal): Promise<Stage> {
  signal.throwIfAborted();
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'publisher-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const registry = await startRegistry(stack);
  const busybox = await find('busybox');
  const shell: Record<string, Uint8Array> = busybox === null ? {} : { 'bin/busybox': await readFile(busybox) };
  const client = new RegistryClient({
    ...guardedHttp({ allow: [], allowLoopback: true }),
    clock: systemClock,
    credentials: async () => null,
    logger: silentLogger,
    userAgent: 'bench',
  });
  for (const base of Object.values(BASES)) {
    const [repository = '', tag = ''] = base.split(':');
    const files = {
      ...shell,
      'etc/passwd': 'root:x:0:0:root:/:/bin/sh\n',
      'etc/os-release': `ID=${repository}\nVERSION=${tag}\n`,
    };
    await pushBaseImage(client.repository({ registry, repository }), { tag, files });
  }
  const all = stack.move();
  return { hub, registry, folder, signal, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** One more registry on the stage; gives its host. */
export async function startRegistry(stack: AsyncDisposableStack): Promise<string> {
  const registry = await startDistribution();
  notMeasured(registry.pid);
  stack.defer(() => registry.close());
  return registry.host;
}
