import { createServer, type RequestListener } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { HubClient } from '../../../src/huggingface/client.ts';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { silentLogger } from '../../../src/log.ts';
import { hastyClock } from '../../support/clock/hasty-clock.ts';
import { bytesOf, seeded } from '../../support/hub/content.ts';
import { headOf, makeModel } from '../../support/hub/model.ts';
import { type HubStandIn, startHub } from '../../support/hub/server.ts';

const CONTENT = seeded('big', 3 * 1024 * 1024 + 17);
const BYTES = bytesOf(CONTENT);
const fetch = guardedFetch({ allow: [], allowLoopback: true });

let hub: HubStandIn;
let model: { id: string; revision: string };
let file: HubFile;
beforeAll(async () => {
  const files = { 'big.safetensors': CONTENT, 'small.txt': 'a small file in git\n' };
  hub = await startHub({
    tokens: { hf_good: ['acme/gated'] },
    models: [makeModel({ id: 'acme/open', files }), makeModel({ id: 'acme/gated', files, gated: 'auto' })],
  });
});
afterAll(() => hub.close());
beforeEach(() => {
  hub.clearFaults();
  hub.requests.length = 0;
  ({ model, file } = at('acme/open', 'big.safetensors'));
});

function at(id: string, path: string) {
  const head = headOf(hub.models.find((each) => each.id === id) ?? makeModel({ id, files: {} }));
  const stored = head.files.find((each) => each.path === path);
  if (stored === undefined) throw new Error(`no ${path}`);
  const { size, oid, lfs } = stored;
  return { model: { id, revision: head.sha }, file: { path, size, oid, sha256: lfs?.oid ?? null, security: null } };
}

const client = (endpoint = hub.url, token: string | null = null) =>
  new HubClient({ endpoint, token, fetch, clock: hastyClock, logger: silentLogger });

async function read(begin: number, end: number, hubClient = client(), useToken = false) {
  let counted = 0;
  const onBytes = (bytes: number) => {
    counted += bytes;
  };
  const chunks = await Array.fromAsync(hubClient.range(model, file, begin, end, { onBytes, useToken }));
  const bytes = Buffer.concat(chunks);
  expect(counted).toBe(bytes.length);
  return bytes;
}

describe('a part of a file', () => {
  it.each([
    [0, 8],
    [8, 9],
    [1_000_000, 2_500_000],
    [BYTES.length - 1, BYTES.length],
    [0, BYTES.length],
  ])('of the bytes %i to %i is those, and no others are asked for', async (begin, end) => {
    expect((await read(begin, end)).equals(BYTES.subarray(begin, end))).toBe(true);
    expect(hub.requests.at(-1)).toMatchObject({ server: 'cdn', headers: { range: `bytes=${begin}-${end - 1}` } });
  });

  it('that is empty costs no request', async () => {
    expect(await read(5, 5)).toHaveLength(0);
    expect(hub.requests).toEqual([]);
  });

  it('is also that of a file in git', async () => {
    ({ file } = at('acme/open', 'small.txt'));
    expect((await read(2, 7)).toString()).toBe('small');
  });

  it('is for those who may read the file', async () => {
    ({ model } = at('acme/gated', 'big.safetensors'));
    await expect(read(0, 8)).rejects.toMatchObject({ code: 'hub-gated' });
    expect(await read(0, 8, client(hub.url, 'hf_good'), true)).toHaveLength(8);
    const toCdn = hub.requests.filter(({ server }) => server === 'cdn');
    expect(toCdn.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it('that breaks off is not taken for the whole', async () => {
    for (const silent of [true, false]) {
      hub.fail({ fault: { kind: 'truncate', bytes: 1000, silent } });
      await expect(read(8, 5000)).rejects.toMatchObject({ code: 'download-truncated' });
    }
  });

  it('is asked for again when there is no answer at first', async () => {
    hub.fail({ fault: { kind: 'status', status: 503 }, times: 2 });
    expect(await read(8, 5000)).toHaveLength(4992);
  });

  it.each([
    [-1, 5],
    [5, 4],
    [0, BYTES.length + 1],
  ])('of the bytes %i to %i is a mistake of the caller', async (begin, end) => {
    await expect(read(begin, end)).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('a server', () => {
  async function serving<T>(handle: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
    const server = createServer(handle);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    try {
      return await use(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }

  it('that ignores ranges sends the whole file, of which the part is kept', async () => {
    const whole: RequestListener = (_, response) => void response.writeHead(200).end(BYTES);
    const part = await serving(whole, (url) => read(1_000_000, 2_000_000, client(url)));
    expect(part.equals(BYTES.subarray(1_000_000, 2_000_000))).toBe(true);
  });

  it.each(['bytes 0-99/3145745', 'bytes 8-99/5', 'bytes 8-98/3145745', 'lines 8-99/3145745', ''])(
    'that answers with %j instead is not believed',
    async (range) => {
      const other: RequestListener = (_, response) =>
        void response.writeHead(206, range === '' ? {} : { 'content-range': range }).end(BYTES.subarray(8, 100));
      await serving(other, (url) =>
        expect(read(8, 100, client(url))).rejects.toMatchObject({ code: 'download-corrupt' }),
      );
    },
  );

  it('that does not know the size may say so, and what it sends beyond the part is left', async () => {
    const longer: RequestListener = (_, response) =>
      void response.writeHead(206, { 'content-range': 'bytes 8-99/*' }).end(BYTES.subarray(8, 200));
    const part = await serving(longer, (url) => read(8, 100, client(url)));
    expect(part.equals(BYTES.subarray(8, 100))).toBe(true);
  });
});
