import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface TestPostgres {
  /** Of an empty database that nobody else uses. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** Folder with `initdb` and `postgres`, as Debian installs them; null when this machine has none. */
export async function findPostgres(): Promise<string | null> {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? await readdir(root) : [];
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const bin = join(root, version, 'bin');
    if (existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres'))) return bin;
  }
  return null;
}

/** A PostgreSQL server of its own on loopback, without durability; it refuses to run as root, so it runs as `nobody`. */
export async function startPostgres(bin: string): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-postgres-'));
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : null;
  if (user !== null) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  await execute(join(bin, 'initdb'), ['-D', data, '-U', 'publisher', '-A', 'trust', '--no-sync'], { ...user, env });
  const port = await freePort();
  const options = ['fsync=off', 'listen_addresses=127.0.0.1', `port=${port}`, `unix_socket_directories=${folder}`];
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...options.flatMap((option) => ['-c', option])], {
    ...user,
    env,
    stdio: 'ignore',
  });
  await ready(bin, port, server);
  let databases = 0;
  return {
    database: async () => {
      databases += 1;
      const name = `ledger_${databases}`;
      const psql = ['-h', '127.0.0.1', '-p', String(port), '-U', 'publisher', '-d', 'postgres'];
      await execute(join(bin, 'psql'), [...psql, '-c', `CREATE DATABASE ${name}`], { env });
      return `postgres://publisher@127.0.0.1:${port}/${name}`;
    },
    stop: async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(bin: string, port: number, server: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`);
    const up = await execute(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).then(
      () => true,
      () => false,
    );
    if (up) return;
    await sleep(100);
  }
  throw new Error('postgres did not become ready within ten seconds');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
