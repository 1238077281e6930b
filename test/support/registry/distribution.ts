import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Distribution {
  /** `127.0.0.1:PORT`. */
  host: string;
  pid: number;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Where a program is on PATH, or null. */
export function findProgram(name: string): string | null {
  for (const dir of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(dir, name), constants.X_OK);
      return join(dir, name);
    } catch {
      // not here
    }
  }
  return null;
}

/** Starts the reference registry (Debian's `docker-registry`) on a free loopback port with an empty store. */
export async function startDistribution(): Promise<Distribution> {
  const program = findProgram('docker-registry');
  if (program === null) throw new Error('docker-registry is not on PATH');
  const dir = await mkdtemp(join(tmpdir(), 'distribution-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: { addr: host },
  };
  await writeFile(join(dir, 'config.yml'), JSON.stringify(config));
  const child = spawn(program, ['serve', join(dir, 'config.yml')], { stdio: 'ignore', cwd: dir });
  const kill = () => end(child);
  const close = async () => {
    await kill();
    await rm(dir, { recursive: true, force: true });
  };
  await answering(host, child).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { host, pid: child.pid ?? 0, kill, close };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

async function answering(host: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`docker-registry ended with ${child.exitCode}`);
    const answer = await fetch(`http://${host}/v2/`).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
    await delay(50);
  }
  throw new Error('docker-registry did not answer within ten seconds');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
