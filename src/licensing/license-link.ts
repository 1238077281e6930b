import type { HubFile } from '../huggingface/types.ts';
import { printable } from '../image/printable.ts';
import { isPlaceable, isProse, nameOf } from './legal-files.ts';

const HOSTS: ReadonlySet<string> = new Set(['huggingface.co', 'hf.co', 'www.huggingface.co']);
/** Characters of a link that is only quoted. */
const MAX_LINK = 500;

export interface LicenseLink {
  /** `path`, or the link itself as one printable line; null without a link. */
  text: string | null;
  /** The file of the repository that the link names; null when it leads elsewhere. */
  path: string | null;
}

/**
 * What the model card's `license_link` comes to: a file of the same repository, at the pinned revision whatever revision the link
 * names, where it names a text that is there. It is never followed anywhere else.
 *
 * @param ids names of the repository, the present one and earlier ones
 */
export function licenseLink(link: string | null, ids: readonly string[], files: readonly HubFile[]): LicenseLink {
  if (link === null) return { text: null, path: null };
  const wanted = pathWithin(link.trim(), ids);
  const file = files.find(({ path }) => path === wanted);
  // What could not be carried is not taken for a legal file: a link must not be able to fail a model.
  if (file !== undefined && isProse(nameOf(file.path)) && isPlaceable(file)) {
    return { text: file.path, path: file.path };
  }
  return { text: printable(link, MAX_LINK).trim() || null, path: null };
}

/** The path a link means in a repository of these names; null when it leads elsewhere. */
function pathWithin(link: string, ids: readonly string[]): string | null {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(link)) return link.replace(/^(?:\.\/)+/, '');
  const url = URL.parse(link);
  if (url === null || url.protocol !== 'https:' || url.port !== '' || !HOSTS.has(url.hostname)) return null;
  const [, owner, name, kind, , ...path] = url.pathname.split('/').map(decoded);
  const id = `${owner}/${name}`.toLowerCase();
  if (!ids.some((known) => known.toLowerCase() === id)) return null;
  return kind === 'blob' || kind === 'resolve' || kind === 'raw' ? path.join('/') : null;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
