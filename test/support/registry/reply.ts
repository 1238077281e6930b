import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

export function sendError(response: ServerResponse, status: number, code: string, message: string, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ errors: [{ code, message, detail: null }] }));
}

/** Looks at what came of a body so far: null = go on, else the request is over, and answered. */
type Verdict = (received: Buffer[], size: number) => 'over' | null;

/** The body of a request, or null once the connection was destroyed by a fault or a verdict ended the request. */
export async function receive(
  request: IncomingMessage,
  fault: Fault | null,
  judge: Verdict = () => null,
): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  // The request must outlive the loop: leaving it early would destroy the connection before the answer is out.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (fault?.kind === 'die' && size > fault.afterBytes) {
      request.socket.destroy();
      return null;
    }
    chunks.push(chunk);
    if (judge(chunks, size) === 'over') {
      request.resume();
      return null;
    }
  }
  return Buffer.concat(chunks);
}

/** Sends a blob, whole or the asked range of it, as the fault allows. */
export function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blob: Buffer,
  headers: Record<string, string>,
  fault: Fault | null,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (start > blob.byteLength) {
    sendError(response, 416, 'RANGE_INVALID', 'beyond the end');
    return;
  }
  const part = Buffer.from(blob.subarray(start));
  if (fault?.kind === 'corrupt' && part.length > 0) part.writeUInt8(part.readUInt8(0) ^ 1, 0);
  response.writeHead(start > 0 ? 206 : 200, {
    'content-type': 'application/octet-stream',
    'content-length': String(part.byteLength),
    ...(start > 0 ? { 'content-range': `bytes ${start}-${blob.byteLength - 1}/${blob.byteLength}` } : {}),
    ...headers,
  });
  if (request.method === 'HEAD') response.end();
  else if (fault?.kind === 'cut') response.write(part.subarray(0, fault.afterBytes), () => request.socket.destroy());
  else response.end(part);
}
