/**
 * `node test/support/hub/serve.ts [--port N] [--shards N] [--shard-bytes N] [--bulk]`: a Hub with three tiny models, until killed.
 * With `--bulk` only acme/tiny, whose weights are its shards and are ready in memory: for benchmarks.
 */
import { parseArgs } from 'node:util';
import { bulk } from './bulk.ts';
import { startHub } from './server.ts';
import { tinyModel } from './tiny.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    shards: { type: 'string', default: '2' },
    'shard-bytes': { type: 'string', default: '4096' },
    bulk: { type: 'boolean', default: false },
  },
});
const size = { shards: Number(values.shards), shardBytes: Number(values['shard-bytes']) };
// Every file is hashed before the first answer, so what a benchmark does not move is left out.
const onlyShards = { 'pytorch_model.bin': null, 'original/consolidated.00.pth': null, 'original/params.json': null };
const hub = await startHub({
  port: Number(values.port),
  // A downloader started by hand, or under load, may take its time between the two requests.
  signedUrlMs: 60_000,
  tokens: { hf_good: ['acme/gated-tiny'], hf_other: [] },
  models: values.bulk
    ? [tinyModel({ id: 'acme/tiny', ...size, content: bulk, files: onlyShards })]
    : [
        tinyModel({ id: 'acme/tiny', ...size }),
        tinyModel({ id: 'acme/gated-tiny', ...size, gated: 'manual' }),
        tinyModel({ id: 'acme/mit-tiny', ...size, license: 'mit', shards: 1 }),
      ],
});
process.stdout.write(`${JSON.stringify({ url: hub.url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void hub.close());
