import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { readBytes } from '../http/body.ts';
import { discard, type Place } from './connection.ts';
import { MOST_PAGES, nextPage } from './pages.ts';
import { MANIFEST_LIMIT } from './schema.ts';

const tagsSchema = z.looseObject({ tags: z.array(z.string()).nullish() });

/** All tags ("Listing Tags"); none for a repository that does not exist. See `ImageTarget.tags`. */
export async function listTags(place: Place, signal?: AbortSignal): Promise<string[]> {
  const { connection, repository, name } = place;
  const tags: string[] = [];
  let url: URL | null = connection.url(`${repository}/tags/list`, { n: '1000' });
  for (let page = 0; url !== null && page < MOST_PAGES; page++) {
    const answer: { tags: string[]; next: URL | null } = await tagPage(place, url, signal);
    tags.push(...answer.tags);
    url = answer.next;
  }
  if (url !== null) throw new PublisherError('too-large', `${name} has more than ${MOST_PAGES} pages of tags`);
  return tags;
}

function tagPage(place: Place, url: URL, signal?: AbortSignal): Promise<{ tags: string[]; next: URL | null }> {
  const { connection, repository, name } = place;
  const what = `listing tags of ${name}`;
  return connection.retry(async () => {
    const scopes = [`repository:${repository}:pull`];
    const response = await connection.send({ method: 'GET', url, scopes, what, signal });
    if (response.status === 404) {
      await discard(response);
      return { tags: [], next: null };
    }
    if (response.status !== 200) throw await connection.failure(response, what);
    const limits = { maxBytes: MANIFEST_LIMIT, what: `The tags of ${name}`, code: 'registry-unavailable' } as const;
    const bytes = await readBytes(response, limits);
    return { tags: parseTags(bytes, name), next: nextPage(response.headers.get('link'), url) };
  }, signal);
}

function parseTags(bytes: Uint8Array, name: string): string[] {
  try {
    return tagsSchema.parse(JSON.parse(new TextDecoder().decode(bytes))).tags ?? [];
  } catch (error) {
    throw new PublisherError('registry-invalid', `The tags of ${name} are not a list of tags`, { cause: error });
  }
}
