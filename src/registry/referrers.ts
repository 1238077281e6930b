import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import { discard, type Place } from './connection.ts';
import { hexOf } from './digest.ts';
import { getManifest } from './manifests.ts';
import { isIndex, OCI_INDEX } from './media-types.ts';
import { MOST_PAGES, nextPage } from './pages.ts';
import { descriptorSchema, MANIFEST_LIMIT, parseJson } from './schema.ts';
import type { Descriptor, Digest } from './types.ts';

/** Entries stay as they are: one that we cannot read is somebody else's, and is written back unchanged. */
const referrersSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(z.unknown()) });
export type ReferrersIndex = z.infer<typeof referrersSchema>;

/** Answers of registries that have no referrers API, or have something else at its address. */
const NO_API: ReadonlySet<number> = new Set([400, 404, 405, 406, 501]);

/** Where registries without referrers API keep them ("Referrers Tag Schema"). */
export function fallbackTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`;
}

/**
 * What refers to a manifest ("Listing Referrers"). See `PublishTarget.referrers`.
 *
 *     GET /referrers/<digest> ─200, an index─▶ page ─Link─▶ page … ─┐
 *              └─ 404 and its like ─▶ index under `sha256-<hex>` ───┴─▶ artifactType ─▶ descriptors
 */
export async function listReferrers(
  place: Place,
  subject: Digest,
  { artifactType, signal }: { artifactType?: string; signal?: AbortSignal } = {},
): Promise<Descriptor[]> {
  const entries = (await fromApi(place, subject, artifactType, signal)) ?? (await fromTag(place, subject, signal));
  const found = new Map(entries.map((entry) => [entry.digest, entry]));
  return [...found.values()].filter((entry) => artifactType === undefined || entry.artifactType === artifactType);
}

/** The index under the fallback tag; null where there is none. @throws PublisherError `registry-invalid` when it is no index */
export async function fallbackIndex(
  place: Place,
  subject: Digest,
  signal?: AbortSignal,
): Promise<ReferrersIndex | null> {
  const tag = fallbackTag(subject);
  const content = await getManifest(place, tag, signal).catch((error: unknown) => {
    if (error instanceof PublisherError && error.code === 'registry-not-found') return null;
    throw error;
  });
  if (content === null) return null;
  if (isIndex(content.mediaType)) return parse(content.bytes, `${place.name}:${tag}`);
  throw new PublisherError('registry-invalid', `${place.name}:${tag} should list referrers, but is no index`);
}

/** The entries that can be read. */
export function entriesOf(index: ReferrersIndex): Descriptor[] {
  return index.manifests.flatMap((entry) => descriptorSchema.safeParse(entry).data ?? []);
}

async function fromTag(place: Place, subject: Digest, signal?: AbortSignal): Promise<Descriptor[]> {
  const index = await fallbackIndex(place, subject, signal);
  return index === null ? [] : entriesOf(index);
}

/** null where the registry has no referrers API. */
async function fromApi(
  { connection, repository, name }: Place,
  subject: Digest,
  artifactType: string | undefined,
  signal?: AbortSignal,
): Promise<Descriptor[] | null> {
  const what = `listing what refers to ${subject} in ${name}`;
  const query: Record<string, string> = artifactType === undefined ? {} : { artifactType };
  const page = (url: URL) =>
    connection.retry(async () => {
      const scopes = [`repository:${repository}:pull`];
      const response = await connection.send({
        method: 'GET',
        url,
        scopes,
        what,
        signal,
        headers: { accept: OCI_INDEX },
      });
      const isReferrers = response.headers.get('content-type')?.split(';')[0]?.trim() === OCI_INDEX;
      if (NO_API.has(response.status) || (response.status === 200 && !isReferrers)) {
        await discard(response);
        return null;
      }
      if (response.status !== 200) throw await connection.failure(response, what);
      const limits = { maxBytes: MANIFEST_LIMIT, what: `The list`, code: 'registry-unavailable' } as const;
      const bytes = await readBytes(response, limits);
      return { entries: entriesOf(parse(bytes, name)), next: nextPage(response.headers.get('link'), url) };
    }, signal);
  const entries: Descriptor[] = [];
  let url: URL | null = connection.url(`${repository}/referrers/${subject}`, query);
  for (let count = 0; url !== null && count < MOST_PAGES; count++) {
    const answer: Awaited<ReturnType<typeof page>> = await page(url);
    if (answer === null && count === 0) return null;
    if (answer === null) throw new PublisherError('registry-invalid', `A page was missing while ${what}`);
    entries.push(...answer.entries);
    url = answer.next;
  }
  if (url !== null) throw new PublisherError('too-large', `There were more than ${MOST_PAGES} pages while ${what}`);
  return entries;
}

function parse(bytes: Uint8Array, name: string): ReferrersIndex {
  try {
    return parseJson(referrersSchema, bytes, `The list of referrers in ${name}`);
  } catch (error) {
    throw new PublisherError('registry-invalid', `The list of referrers in ${name} is no index`, { cause: error });
  }
}
