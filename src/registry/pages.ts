/** Pages of a listing that are read before it is called endless. */
export const MOST_PAGES = 100;

/** RFC 8288 `Link: <…>; rel="next"`, on the same origin only; null on the last page. */
export function nextPage(link: string | null, base: URL): URL | null {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link ?? '')?.[1];
  const url = target === undefined ? null : URL.parse(target, base);
  return url !== null && url.origin === base.origin ? url : null;
}
