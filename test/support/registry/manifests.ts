import type { IncomingMessage, ServerResponse } from 'node:http';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_INDEX } from '../../../src/registry/media-types.ts';
import type { Fault } from './faults.ts';
import { referrersOf, subjectOf } from './referrers.ts';
import { receive, sendBlob, sendError } from './reply.ts';
import type { RegistryStorage } from './storage.ts';

/** The ways of one registry with manifests. */
export interface ManifestManner {
  /** Whether there is a referrers API, and its promise to keep a subject (`OCI-Subject`). Default false, as Distribution 2.8. */
  referrers?: boolean;
  /** Referrers on one page of the API. Default: all. */
  referrersPage?: number;
  /**
   * What may be deleted: nothing (405), manifests by digest (400 for tags, as Distribution 2.8), or tags too; `tag-as-digest` takes a tag for
   * its manifest, which goes with every tag on it. Default `digest`.
   */
  deletes?: 'nothing' | 'digest' | 'tag' | 'tag-as-digest';
}

const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** The endpoints of manifests and referrers of a registry stand-in. */
export function createManifests({
  storage,
  location,
  deletes = 'digest',
  ...manner
}: ManifestManner & { storage: RegistryStorage; location: (path: string) => string }) {
  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    reference: string,
    fault: Fault | null,
  ): Promise<void> {
    if (request.method === 'PUT') return putManifest(request, response, name, reference, fault);
    if (request.method === 'DELETE') return deleteManifest(response, name, reference);
    const found = storage.manifest(name, reference);
    if (found === null) return sendError(response, 404, 'MANIFEST_UNKNOWN', `manifest unknown: ${reference}`);
    const accepted = (request.headers.accept ?? '').split(',').map((type) => type.trim());
    if (!accepted.includes(found.mediaType))
      return sendError(response, 404, 'MANIFEST_UNKNOWN', 'not in an accepted form');
    const headers = { 'content-type': found.mediaType, 'docker-content-digest': found.digest };
    return sendBlob(request, response, found.bytes, headers, fault);
  }

  async function putManifest(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    reference: string,
    fault: Fault | null,
  ): Promise<void> {
    const bytes = await receive(request, fault);
    if (bytes === null) return;
    if (bytes.byteLength > MANIFEST_LIMIT) return sendError(response, 413, 'MANIFEST_INVALID', 'manifest too large');
    const mediaType = request.headers['content-type'] ?? '';
    const problem = storage.problemOf(name, mediaType, bytes);
    if (problem !== null) return sendError(response, 400, 'MANIFEST_INVALID', problem);
    const digest = digestOf(bytes);
    if (reference.includes(':') && reference !== digest) {
      return sendError(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    const repository = storage.repository(name);
    repository.manifests.set(digest, { mediaType, bytes });
    if (!reference.includes(':')) repository.tags.set(reference, digest);
    const place = location(`/v2/${name}/manifests/${digest}`);
    const subject = manner.referrers === true ? subjectOf(bytes) : null;
    const kept: Record<string, string> = subject === null ? {} : { 'oci-subject': subject };
    response.writeHead(201, { location: place, 'docker-content-digest': digest, ...kept }).end();
  }

  function deleteManifest(response: ServerResponse, name: string, reference: string): void {
    if (deletes === 'nothing') {
      sendError(response, 405, 'UNSUPPORTED', 'The operation is unsupported.');
      return;
    }
    const byTag = !reference.includes(':');
    if (byTag && deletes === 'digest') {
      sendError(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
      return;
    }
    const found = storage.manifest(name, reference);
    if (found === null) {
      sendError(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
      return;
    }
    if (byTag && deletes === 'tag') storage.repository(name).tags.delete(reference);
    else storage.deleteManifest(name, found.digest);
    response.writeHead(202).end();
  }

  function referrers(response: ServerResponse, name: string, subject: string, url: URL): void {
    if (manner.referrers !== true) return void response.writeHead(404).end('404 page not found\n');
    const wanted = url.searchParams.get('artifactType');
    const last = url.searchParams.get('last') ?? '';
    const all = referrersOf(storage, name, subject).filter(({ digest }) => digest > last);
    const page = all.slice(0, manner.referrersPage ?? all.length);
    // The filter is applied to a page, as registries do: a page may be empty and not be the last.
    const manifests = page.filter(({ artifactType }) => wanted === null || artifactType === wanted);
    const next = new URL(url);
    next.searchParams.set('last', page.at(-1)?.digest ?? '');
    response.writeHead(200, {
      'content-type': OCI_INDEX,
      ...(wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }),
      ...(page.length < all.length ? { link: `<${next.pathname}${next.search}>; rel="next"` } : {}),
    });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  }

  return { handle, referrers };
}
