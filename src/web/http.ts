import type { IncomingMessage, ServerResponse } from 'node:http';

/** A body over the limit: the rest of it is not read. */
export class BodyTooLarge extends Error {}

/** The whole body of a request, refused as soon as it is known to be over `limit` bytes. */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(new BodyTooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        chunks.length = 0;
        request.off('data', onData).pause();
        reject(new BodyTooLarge());
      }
    };
    // Not `for await`: leaving that loop destroys the connection before the refusal could be sent.
    request
      .on('data', onData)
      .once('end', () => resolve(Buffer.concat(chunks)))
      .once('error', reject)
      .once('close', () => reject(new Error('the connection closed within the body')));
  });
}

/**
 * Answers a request whose body is not wanted and ends the connection. What still comes is thrown away, for `ms` milliseconds at most:
 * closing with unread bytes would reset the connection, and the client might never see the answer.
 */
export function refuseBody(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  value: unknown,
  ms = 5_000,
): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  response.write(text);
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(() => request.destroy(), ms);
  request.once('end', end).once('close', end).resume();
}

export function reply(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

export function replyJson(response: ServerResponse, status: number, value: unknown): void {
  reply(response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}
