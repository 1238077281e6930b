import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../../src/exec.ts';
import { notMeasured } from './measure.ts';

/** A container engine of the benchmark's own: it starts with nothing cached, nobody else uses it, and it leaves nothing behind. */
export interface Engine extends AsyncDisposable {
  pid: number;
  /** `DOCKER_HOST`. */
  host: string;
}

const SETTINGS = { features: { 'containerd-snapshotter': true }, iptables: false, ip6tables: false, bridge: 'none' };

export async function startEngine(parent: string): Promise<Engine> {
  const folder = join(parent, 'engine');
  await mkdir(folder);
  await writeFile(join(folder, 'daemon.json'), JSON.stringify(SETTINGS));
  const host = `unix://${join(folder, 'docker.sock')}`;
  const options = {
    'config-file': join(folder, 'daemon.json'),
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'run'),
    pidfile: join(folder, 'pid'),
    host,
  };
  const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const child = spawn('dockerd', given, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  notMeasured(child.pid ?? 0);
  const engine: Engine = {
    pid: child.pid ?? 0,
    host,
    async [Symbol.asyncDispose]() {
      // It unmounts what it mounted, and stops its containerd.
      child.kill();
      await ended;
    },
  };
  for (let attempt = 0; attempt < 120; attempt++) {
    const { exitCode } = await run('docker', ['version'], { env: { DOCKER_HOST: host }, check: false });
    if (exitCode === 0) return engine;
    if (child.exitCode !== null) break;
    await delay(250);
  }
  await engine[Symbol.asyncDispose]();
  throw new Error('dockerd did not come up: it needs root, and a kernel with overlayfs');
}
