import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Content } from './content.ts';
import { type Fault, sendContent } from './faults.ts';

export interface Cdn {
  /** A URL for this content that is good for a while. */
  sign(sha256: string, name: string, content: Content): string;
  handle(request: IncomingMessage, response: ServerResponse, fault: () => Fault | null): Promise<void>;
}

/** A content host as the Hub uses: signed URLs that expire, no credentials, ranges. */
export function createCdn(baseUrl: () => string, validMs: number): Cdn {
  const key = randomBytes(16);
  const known = new Map<string, Content>();
  const signature = (path: string, expires: string) =>
    createHmac('sha256', key).update(`${path} ${expires}`).digest('hex');
  return {
    sign(sha256, name, content) {
      const path = `/cdn/${sha256}/${encodeURIComponent(name)}`;
      known.set(path, content);
      const expires = String(Date.now() + validMs);
      return `${baseUrl()}${path}?Expires=${expires}&Signature=${signature(path, expires)}`;
    },
    async handle(request, response, fault) {
      const url = new URL(request.url ?? '/', baseUrl());
      const content = known.get(url.pathname);
      const expires = url.searchParams.get('Expires') ?? '';
      const problem =
        request.headers.authorization !== undefined
          ? [400, 'InvalidArgument: only one authentication mechanism is allowed']
          : url.searchParams.get('Signature') !== signature(url.pathname, expires)
            ? [403, 'AccessDenied: bad signature']
            : Number(expires) < Date.now()
              ? [403, 'AccessDenied: request has expired']
              : content === undefined
                ? [404, 'NoSuchKey']
                : null;
      if (problem !== null || content === undefined) {
        response.writeHead(Number(problem?.[0] ?? 404), { 'content-type': 'text/plain' }).end(problem?.[1]);
        return;
      }
      await serveContent(request, response, content, fault());
    },
  };
}

/** GET and HEAD of content with one `Range` (RFC 9110, section 14). Headers already set are kept. */
export async function serveContent(
  request: IncomingMessage,
  response: ServerResponse,
  content: Content,
  fault: Fault | null,
): Promise<void> {
  const { size } = content;
  response.setHeader('accept-ranges', 'bytes');
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '');
  const [, first = '', last = ''] = range ?? [];
  const start = first === '' ? (last === '' ? 0 : Math.max(0, size - Number(last))) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (range !== null && (start >= size || start >= end)) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  if (range !== null) response.setHeader('content-range', `bytes ${start}-${end - 1}/${size}`);
  const silent = fault?.kind === 'truncate' && fault.silent === true;
  const lengthless = silent || fault?.kind === 'append';
  if (!lengthless) response.setHeader('content-length', end - start);
  response.writeHead(range === null ? 200 : 206, { 'content-type': 'application/octet-stream' });
  if (request.method === 'HEAD') response.end();
  else await sendContent(response, content, start, end, fault);
}
