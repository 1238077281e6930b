import { cpus, release, totalmem } from 'node:os';
import { find, run } from '../../src/exec.ts';
import type { BenchHub } from './hub.ts';
import { measure } from './measure.ts';

const VERSIONS: [name: string, command: string, args: string[]][] = [
  ['docker', 'dockerd', ['--version']],
  ['buildx', 'docker', ['buildx', 'version']],
  ['registry', 'docker-registry', ['--version']],
  ['oras', 'oras', ['version']],
  ['curl', 'curl', ['--version']],
  ['coreutils', 'sha256sum', ['--version']],
];

/** On what it was measured, in a line. */
export async function machine(): Promise<string> {
  const tools: string[] = [`Node ${process.versions.node}`];
  for (const [name, command, args] of VERSIONS) {
    if ((await find(command)) === null) continue;
    const { stdout } = await run(command, args, { check: false });
    const version = /\d+\.\d[\w.+~-]*/.exec(stdout)?.[0];
    if (version !== undefined) tools.push(`${name} ${version}`);
  }
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const today = new Date().toISOString().slice(0, 10);
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${memory}, Linux ${release()}; ${tools.join(', ')}; ${today}.`;
}

/** Bytes a second the Hub stand-in gives to four readers that throw everything away. */
export async function ceilingOf(hub: BenchHub, signal: AbortSignal): Promise<number> {
  const wanted = hub.shards.flatMap(({ url }) => ['-o', '/dev/null', url]);
  const { seconds } = await measure(() =>
    run('curl', ['-fsSL', '--parallel', '--parallel-max', '4', ...wanted], { signal }),
  );
  return hub.bytes / seconds;
}
