import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf } from '../../../src/registry/digest.ts';
import type { Fault } from './faults.ts';
import { receive, sendError } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

interface Session {
  repository: string;
  bytes: Buffer;
}

/** GHCR answers 416 to a PATCH with a longer Content-Length. */
const PATCH_LIMIT = 4 * 1024 * 1024;

/** Upload sessions of a registry stand-in. A session's address carries its offset, and only the latest one is valid. */
export class UploadSessions {
  readonly #sessions = new Map<string, Session>();
  readonly #storage: RegistryStorage;
  readonly #patchLimit: boolean;
  readonly #location: (path: string) => string;

  constructor(storage: RegistryStorage, patchLimit: boolean, location: (path: string) => string) {
    this.#storage = storage;
    this.#patchLimit = patchLimit;
    this.#location = location;
  }

  /** Sessions begun and neither finished nor cancelled. */
  get open(): number {
    return this.#sessions.size;
  }

  begin(repository: string, response: ServerResponse): void {
    const id = randomUUID();
    this.#sessions.set(id, { repository, bytes: Buffer.alloc(0) });
    this.#accepted(id, response);
  }

  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    { repository, id, query }: { repository: string; id: string; query: URLSearchParams },
    fault: Fault | null,
  ): Promise<void> {
    if (fault?.kind === 'lose-session') this.#sessions.delete(id);
    const session = this.#sessions.get(id);
    if (session === undefined || session.repository !== repository) {
      sendError(response, 404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
      return;
    }
    if (request.method === 'DELETE') {
      this.#sessions.delete(id);
      response.writeHead(204).end();
    } else if (query.get('_state') !== String(session.bytes.byteLength)) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'this is not the latest address of the session');
    } else if (request.method === 'PATCH') {
      await this.#patch(request, response, id, session, fault);
    } else {
      await this.#put(request, response, id, session, query.get('digest'), fault);
    }
  }

  async #patch(request: IncomingMessage, response: ServerResponse, id: string, session: Session, fault: Fault | null) {
    if (this.#patchLimit && Number(request.headers['content-length'] ?? 0) > PATCH_LIMIT) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'chunk too large');
      return;
    }
    const start = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1];
    if (start !== undefined && Number(start) !== session.bytes.byteLength) {
      sendError(response, 416, 'BLOB_UPLOAD_INVALID', 'out of order');
      return;
    }
    const body = await receive(request, fault);
    if (body === null) return;
    session.bytes = Buffer.concat([session.bytes, body]);
    this.#accepted(id, response);
  }

  async #put(
    request: IncomingMessage,
    response: ServerResponse,
    id: string,
    session: Session,
    digest: string | null,
    fault: Fault | null,
  ) {
    const body = await receive(request, fault);
    if (body === null) return;
    const bytes = Buffer.concat([session.bytes, body]);
    if (digest !== digestOf(bytes)) {
      sendError(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
      return;
    }
    this.#sessions.delete(id);
    this.#storage.addBlob(session.repository, bytes);
    const location = this.#location(`/v2/${session.repository}/blobs/${digest}`);
    response.writeHead(201, { location, 'docker-content-digest': digest }).end();
  }

  #accepted(id: string, response: ServerResponse): void {
    const session = this.#sessions.get(id);
    const size = session?.bytes.byteLength ?? 0;
    response.writeHead(202, {
      location: this.#location(`/v2/${session?.repository}/blobs/uploads/${id}?_state=${size}`),
      range: `0-${Math.max(size - 1, 0)}`,
      'docker-upload-uuid': id,
    });
    response.end();
  }
}
