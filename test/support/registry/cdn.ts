import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type Fault, takeFault } from './faults.ts';
import { sendBlob } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

export interface Cdn {
  server: Server;
  /** A signed path for a blob, good for `lifeMs`. */
  sign(digest: string): string;
}

/** Where a registry stand-in sends its blob downloads: signed addresses, and no patience with credentials. */
export function createCdn(storage: RegistryStorage, faults: Fault[], lifeMs: number, now: () => number): Cdn {
  const key = randomBytes(16);
  const signature = (digest: string, until: string) =>
    createHmac('sha256', key).update(`${digest} ${until}`).digest('hex');
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://cdn');
    const digest = url.pathname.slice('/blob/'.length);
    const until = url.searchParams.get('until') ?? '';
    const fault = takeFault(faults, request.method ?? '', url.pathname);
    const blob = storage.blobs.get(digest);
    if (fault?.kind === 'status') response.writeHead(fault.status).end();
    else if (request.headers.authorization !== undefined) response.writeHead(400).end('two kinds of credentials');
    else if (url.searchParams.get('signature') !== signature(digest, until) || now() > Number(until)) {
      response.writeHead(403).end('expired');
    } else if (blob === undefined) response.writeHead(404).end();
    else sendBlob(request, response, blob, {}, fault);
  });
  return {
    server,
    sign(digest) {
      const until = String(now() + lifeMs);
      return `/blob/${digest}?until=${until}&signature=${signature(digest, until)}`;
    },
  };
}
