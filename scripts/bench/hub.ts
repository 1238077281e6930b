import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { notMeasured } from './measure.ts';

/** The Hub stand-in, a process of its own, with one model of generated shards. */
export interface BenchHub extends AsyncDisposable {
  url: string;
  shards: { path: string; size: number; sha256: string; url: string }[];
  bytes: number;
}

export const MODEL = 'acme/tiny';
const SERVE = fileURLToPath(new URL('../../test/support/hub/serve.ts', import.meta.url));
const started = z.object({ url: z.string() });
const listing = z.array(
  z.object({ path: z.string(), size: z.number(), lfs: z.object({ oid: z.string() }).optional() }),
);

export async function startBenchHub(shards: number, shardBytes: number): Promise<BenchHub> {
  const size = ['--shards', String(shards), '--shard-bytes', String(shardBytes)];
  const child = spawn(process.execPath, [SERVE, '--bulk', ...size], { stdio: ['ignore', 'pipe', 'inherit'] });
  notMeasured(child.pid ?? 0);
  const ended = once(child, 'close');
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), ended.then(() => [''])]);
  const { url } = started.parse(JSON.parse(String(line)));
  const answer = await fetch(`${url}/api/models/${MODEL}/tree/main?recursive=true`);
  const files = listing.parse(await answer.json()).filter(({ path }) => path.endsWith('.safetensors'));
  const found = files.map(({ path, size, lfs }) => ({
    path,
    size,
    sha256: lfs?.oid ?? '',
    url: `${url}/${MODEL}/resolve/main/${path}`,
  }));
  return {
    url,
    shards: found,
    bytes: found.reduce((sum, shard) => sum + shard.size, 0),
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}
