import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BridgedEngine {
  /** Value of DOCKER_HOST. */
  host: string;
  close(): Promise<void>;
}

/**
 * A container engine of this test alone, with a bridge. BuildKit runs generators of software bills on the engine's own network, which
 * the engine that tests share has none of. Needs root.
 */
export async function startBridgedEngine(): Promise<BridgedEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-bridged-'));
  const bridge = `pub${process.pid % 1_000_000}`;
  const host = `unix://${folder}/docker.sock`;
  await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  let daemon: ChildProcess | null = null;
  const close = async () => {
    if (daemon !== null) await end(daemon);
    await run('ip', ['link', 'delete', bridge]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await run('ip', ['address', 'add', '10.213.0.1/24', 'dev', bridge]);
    const config = join(folder, 'daemon.json');
    await writeFile(config, JSON.stringify({ features: { 'containerd-snapshotter': true } }));
    const off = ['iptables', 'ip6tables', 'ip-masq', 'ip-forward', 'userland-proxy'].map((name) => `--${name}=false`);
    const own = ['data-root', 'exec-root', 'pidfile'].map((name) => `--${name}=${join(folder, name)}`);
    const args = [`--config-file=${config}`, `--host=${host}`, `--bridge=${bridge}`];
    daemon = spawn('dockerd', [...args, ...off, ...own], { stdio: 'ignore', cwd: folder });
    await answering(host, daemon);
    return { host, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function answering(host: string, daemon: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (daemon.exitCode !== null) throw new Error(`dockerd ended with ${daemon.exitCode}`);
    const answers = await run('docker', ['--host', host, 'version']).then(
      () => true,
      () => false,
    );
    if (answers) return;
    await delay(200);
  }
  throw new Error('dockerd did not answer within thirty seconds');
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = once(daemon, 'exit');
  daemon.kill('SIGTERM');
  await ended;
}
