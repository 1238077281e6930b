import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf } from '../../../src/registry/digest.ts';
import type { Fault } from './faults.ts';
import { receive, sendError } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

/**
 * `ghcr`: 416 for a PATCH with a Content-Length over 4 MiB. `gar`: 400 for anything in chunked transfer encoding. `ecr`: a PATCH in
 * chunked transfer encoding is answered 201 after its first chunk, and the rest of it is lost.
 */
export type Manner = 'ghcr' | 'gar' | 'ecr';

interface UploadOptions {
  storage: RegistryStorage;
  like: Manner | null;
  /** Milliseconds. */
  sessionMs: number;
  now: () => number;
  location: (path: string) => string;
  /** Ends all tokens and answers 401. */
  expire: (response: ServerResponse, repository: string) => void;
}

interface Session {
  repository: string;
  bytes: Buffer;
  /** Milliseconds since the epoch. */
  until: number;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  id: string;
  session: Session;
  fault: Fault | null;
}

const PATCH_LIMIT = 4 * 1024 * 1024;

/** Upload sessions of a registry stand-in. A session's address carries its offset, and only the latest one is valid. */
export class UploadSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #options: UploadOptions;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  /** Sessions begun and neither finished nor cancelled. */
  get open(): number {
    return this.#sessions.size;
  }

  begin(repository: string, response: ServerResponse): void {
    const id = randomUUID();
    const until = this.#options.now() + this.#options.sessionMs;
    this.#sessions.set(id, { repository, bytes: Buffer.alloc(0), until });
    this.#accepted(id, response, 202);
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, id, query }: { repository: string; id: string; query: URLSearchParams },
    fault: Fault | null,
  ): Promise<void> {
    if (fault?.kind === 'lose-session' && fault.afterBytes === undefined) this.#sessions.delete(id);
    const session = this.#sessions.get(id);
    if (session === undefined || session.repository !== repository) return lost(response);
    const exchange = { request, response, id, session, fault };
    if (request.method === 'DELETE') {
      this.#sessions.delete(id);
      response.writeHead(204).end();
    } else if (query.get('_state') !== String(session.bytes.byteLength)) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'this is not the latest address of the session');
    } else if (request.method === 'GET') {
      this.#accepted(id, response, 204);
    } else if (this.#options.like === 'gar' && request.headers['transfer-encoding'] !== undefined) {
      sendError(response, 400, 'UNSUPPORTED', 'chunked uploads are not supported');
    } else if (request.method === 'PATCH') {
      await this.#patch(exchange);
    } else {
      await this.#put(exchange, query.get('digest'));
    }
  }

  async #patch(exchange: Exchange) {
    const { request, response, id, session } = exchange;
    if (this.#options.like === 'ghcr' && Number(request.headers['content-length'] ?? 0) > PATCH_LIMIT) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'chunk too large');
      return;
    }
    const start = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1];
    if (start !== undefined && Number(start) !== session.bytes.byteLength) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'out of order');
      return;
    }
    const body = await this.#receive(exchange);
    if (body === null) return;
    session.bytes = Buffer.concat([session.bytes, body]);
    this.#accepted(id, response, 202);
  }

  async #put(exchange: Exchange, digest: string | null) {
    const { response, id, session } = exchange;
    const body = await this.#receive(exchange);
    if (body === null) return;
    const bytes = Buffer.concat([session.bytes, body]);
    if (digest !== digestOf(bytes)) {
      sendError(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
      return;
    }
    this.#sessions.delete(id);
    this.#options.storage.addBlob(session.repository, bytes);
    const location = this.#options.location(`/v2/${session.repository}/blobs/${digest}`);
    response.writeHead(201, { location, 'docker-content-digest': digest }).end();
  }

  /** The body, or null when what came of it was answered already. */
  #receive({ request, response, id, session, fault }: Exchange): Promise<Buffer | null> {
    const early = this.#options.like === 'ecr' && request.headers['transfer-encoding'] !== undefined;
    return receive(request, fault, (received, size) => {
      if (this.#options.now() > session.until) {
        this.#sessions.delete(id);
        request.socket.destroy();
        return 'over';
      }
      if (fault?.kind === 'lose-session' && size > (fault.afterBytes ?? 0)) {
        this.#sessions.delete(id);
        lost(response);
        return 'over';
      }
      if (fault?.kind === 'expire-in-body' && size > fault.afterBytes) {
        session.bytes = Buffer.concat([session.bytes, ...received]);
        this.#options.expire(response, session.repository);
        return 'over';
      }
      if (!early) return null;
      session.bytes = Buffer.concat([session.bytes, ...received]);
      this.#accepted(id, response, 201);
      return 'over';
    });
  }

  #accepted(id: string, response: ServerResponse, status: number): void {
    const session = this.#sessions.get(id);
    const size = session?.bytes.byteLength ?? 0;
    response.writeHead(status, {
      location: this.#options.location(`/v2/${session?.repository}/blobs/uploads/${id}?_state=${size}`),
      range: `0-${Math.max(size - 1, 0)}`,
      'docker-upload-uuid': id,
    });
    response.end();
  }
}

function lost(response: ServerResponse): void {
  sendError(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
}
