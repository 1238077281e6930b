/**
 * `npm run bench [--mib N]`: building a fat image of two generated shards, side by side with the barest thing that moves and hashes the same
 * bytes, `curl | tee >(sha256sum) | curl`, from the same Hub stand-in (a process of its own) to the same real registry. Ratios count, not
 * seconds. Missing tools are named. Writes the table of `docs/benchmarks.md` to stdout.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { find, run } from '../src/exec.ts';
import { guardedFetch } from '../src/http/fetch.ts';
import { silentLogger } from '../src/log.ts';
import { RegistryClient } from '../src/registry/client.ts';
import { pushBaseImage } from '../test/support/registry/base-image.ts';
import { startDistribution } from '../test/support/registry/distribution.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { mib: { type: 'string', default: '512' } } });
const shardMib = Number(values.mib);

const missing: string[] = [];
for (const tool of ['docker-registry', 'curl', 'bash', 'sha256sum'])
  if ((await find(tool)) === null) missing.push(tool);
if (missing.length > 0) {
  process.stdout.write(`Not measured: ${missing.join(', ')} not found on PATH.\n`);
  process.exit(0);
}

const folder = await mkdtemp(join(tmpdir(), 'publisher-bench-'));
const registry = await startDistribution();
const hub = await startHubProcess(shardMib * 1024 * 1024);
try {
  const client = new RegistryClient({
    fetch: guardedFetch({ allow: [], allowLoopback: true }),
    clock: systemClock,
    credentials: async () => null,
    logger: silentLogger,
    userAgent: 'bench',
  });
  await pushBaseImage(client.repository({ registry: registry.host, repository: 'base' }), {
    tag: 'v1',
    platforms: ['linux/amd64'],
  });
  await writeFile(
    join(folder, 'models.yaml'),
    JSON.stringify({
      defaults: {
        base_image: `${registry.host}/base:v1`,
        registries: { local: `${registry.host}/bench` },
        publish: { local: true },
      },
      models: [{ id: 'acme/tiny', short: 'tiny' }],
    }),
  );
  // The first pass warms caches of the kernel; only the second is reported.
  await barePipe('warm');
  const bare = await barePipe('bare');
  const fresh = await ours('fat, first build');
  const again = await ours('fat, built before');
  report([bare, fresh, again]);
} finally {
  hub.stop();
  await registry.close();
  await rm(folder, { recursive: true, force: true });
}

interface Row {
  name: string;
  seconds: number;
  rssMib: number | null;
}

async function barePipe(name: string): Promise<Row> {
  const script = `
    set -euo pipefail
    for shard in 00001 00002; do
      location=$(curl -fsS -X POST -D - -o /dev/null "http://${registry.host}/v2/${name}/blobs/uploads/" | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
      digest=$(mktemp)
      exec 3>&1
      next=$(curl -fsSL "${hub.url}/acme/tiny/resolve/main/model-$shard-of-00002.safetensors" | tee >(sha256sum > "$digest") \\
        | curl -fsS -X PATCH -T - -H 'Content-Type: application/octet-stream' -D - -o /dev/null "$location" | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
      while [ ! -s "$digest" ]; do sleep 0.01; done
      curl -fsS -X PUT "$next&digest=sha256:$(cut -d ' ' -f 1 "$digest")" -o /dev/null
    done`;
  const { durationMs } = await run('bash', ['-c', script]);
  return { name: 'bare pipe (curl, tee, sha256sum, curl)', seconds: durationMs / 1000, rssMib: null };
}

async function ours(name: string): Promise<Row> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'src/cli/main.ts'), 'build', 'tiny', '--variant', 'fat', '--json'],
    {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, HF_ENDPOINT: hub.url, DATA_DIR: join(folder, 'data') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let peak = 0;
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  }, 50);
  let out = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`build ended with ${code}: ${out}`);
  const { durationMs } = JSON.parse(out).images[0];
  return { name: `ours: ${name}`, seconds: durationMs / 1000, rssMib: Math.round(peak) };
}

function report(rows: [Row, ...Row[]]): void {
  const [bare] = rows;
  const mib = shardMib * 2;
  const lines = rows.map(
    ({ name, seconds, rssMib }) =>
      `| ${name} | ${seconds.toFixed(2)} | ${(mib / seconds).toFixed(0)} | ${(seconds / bare.seconds).toFixed(2)} | ${rssMib ?? '–'} |`,
  );
  process.stdout.write(
    [
      `${mib} MiB in two shards; ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}.`,
      '',
      '| | wall, s | MiB/s | × bare pipe | peak RSS, MiB |',
      '| --- | --- | --- | --- | --- |',
      ...lines,
      '',
    ].join('\n'),
  );
}

async function startHubProcess(shardBytes: number): Promise<{ url: string; stop: () => void }> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'test/support/hub/serve.ts'), '--shard-bytes', String(shardBytes)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { url: JSON.parse(String(line)).url, stop: () => void child.kill() };
}
