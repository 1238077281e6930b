/**
 * `npm run bench:plan [--models N] [--latency-ms N]`: what planning a large catalog costs. The Hub stand-in and the registry of the base
 * image run in this process, the command line in one of its own. Writes the table of `docs/benchmarks.md` to stdout.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import { silentLogger } from '../src/log.ts';
import { RegistryClient } from '../src/registry/client.ts';
import { manyEntries, manyModels } from '../test/support/hub/many.ts';
import { startHub } from '../test/support/hub/server.ts';
import { pushBaseImage, startRegistry } from '../test/support/registry/index.ts';
import { measure } from './bench/measure.ts';
import { mib, table } from './bench/tables.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const planned = z.object({ targets: z.array(z.object({ action: z.string() })) });
const { values } = parseArgs({
  options: { models: { type: 'string', default: '1000' }, 'latency-ms': { type: 'string', default: '100' } },
});
const count = Number(values.models);
const latencyMs = Number(values['latency-ms']);

interface Row {
  name: string;
  seconds: number;
  requests: number;
  unchanged: number;
  targets: number;
  /** Of the command line alone: what a loaded machine does not change. */
  cpuSeconds: number;
  /** Bytes. */
  peakRss: number;
}

const folder = await mkdtemp(join(tmpdir(), 'publisher-bench-'));
const registry = await startRegistry({ users: { bench: 'bench' } });
const hub = await startHub({ models: manyModels(count) });
try {
  const client = new RegistryClient({
    fetch: globalThis.fetch,
    clock: systemClock,
    credentials: async () => ({ username: 'bench', password: 'bench' }),
    logger: silentLogger,
    userAgent: 'bench',
  });
  await pushBaseImage(client.repository({ registry: registry.host, repository: 'base' }), { tag: 'v1' });
  if (latencyMs > 0) hub.fail({ fault: { kind: 'delay', ms: latencyMs }, times: Number.POSITIVE_INFINITY });
  const before = await catalog('before', null);
  const after = await catalog('after', Math.floor(count / 2));
  const rows = [
    await plan('all, nothing cached', ['--catalog', before]),
    await plan('all again', ['--catalog', before]),
    await plan('`--base`, one model changed', ['--catalog', after, '--base', before]),
  ];
  await rm(join(folder, 'data'), { recursive: true });
  rows.push(await plan('the same, nothing cached', ['--catalog', after, '--base', before]));
  report(rows);
} finally {
  await hub.close();
  await registry.close();
  await rm(folder, { recursive: true, force: true });
}

async function catalog(name: string, changed: number | null): Promise<string> {
  const path = join(folder, `${name}.yaml`);
  const defaults = {
    base_image: `${registry.host}/base:v1`,
    registries: { local: `${registry.host}/bench` },
    publish: { local: true },
  };
  await writeFile(path, JSON.stringify({ defaults, models: manyEntries(count, changed) }));
  return path;
}

async function plan(name: string, flags: string[]): Promise<Row> {
  hub.requests.length = 0;
  const { result, seconds, cpuSeconds, peakRss } = await measure(async () => {
    const child = spawn(process.execPath, [MAIN, 'plan', '--json', ...flags], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, HF_ENDPOINT: hub.url, DATA_DIR: join(folder, 'data') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return { out, code };
  });
  if (result.code !== 0) throw new Error(`plan ended with ${result.code}`);
  return {
    name,
    seconds,
    requests: hub.requests.length,
    unchanged: hub.requests.filter(({ headers }) => headers['if-none-match'] !== undefined).length,
    targets: planned.parse(JSON.parse(result.out)).targets.length,
    cpuSeconds,
    peakRss,
  };
}

function report(rows: Row[]): void {
  const lines = table(
    ['`plan` of', 'targets', 'wall, s', 'CPU, s', 'requests to the Hub', 'of them by ETag', 'peak RSS, MiB'],
    rows.map(({ name, targets, seconds, cpuSeconds, requests, unchanged, peakRss }) => [
      name,
      `${targets}`,
      seconds.toFixed(1),
      cpuSeconds.toFixed(1),
      `${requests}`,
      `${unchanged}`,
      mib(peakRss),
    ]),
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
  const head = `A catalog of ${count} models; the Hub takes ${latencyMs} ms for every answer; ${machine}.`;
  process.stdout.write([head, '', ...lines, ''].join('\n'));
}
