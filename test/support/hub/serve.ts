/** `node test/support/hub/serve.ts [--port N] [--shard-bytes N]`: a Hub with three tiny models, until killed. */
import { parseArgs } from 'node:util';
import { startHub } from './server.ts';
import { tinyModel } from './tiny.ts';

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, 'shard-bytes': { type: 'string', default: '4096' } },
});
const shardBytes = Number(values['shard-bytes']);
const hub = await startHub({
  port: Number(values.port),
  // A downloader started by hand, or under load, may take its time between the two requests.
  signedUrlMs: 60_000,
  tokens: { hf_good: ['acme/gated-tiny'], hf_other: [] },
  models: [
    tinyModel({ id: 'acme/tiny', shardBytes }),
    tinyModel({ id: 'acme/gated-tiny', shardBytes, gated: 'manual' }),
    tinyModel({ id: 'acme/mit-tiny', shardBytes, license: 'mit', shards: 1 }),
  ],
});
process.stdout.write(`${JSON.stringify({ url: hub.url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void hub.close());
