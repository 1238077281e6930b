import type { HubFile, ModelFacts } from '../huggingface/types.ts';
import { byteOrder } from '../image/file-list.ts';
import { isLegalPath, isPlaceable, type LegalFiles, legalFiles, MAX_LEGAL_FILES } from './legal-files.ts';
import { licenseLink } from './license-link.ts';

/** What an image is to carry of a model's legal files, and the `license_link` of its card. */
export interface LegalScope {
  legal: LegalFiles;
  /** As text, see {@link licenseLink}. */
  link: string | null;
}

/**
 * The legal files that go with an image: those at the root, in folders that files are embedded from, and the one that the card
 * links to. Those in other folders (`original/LICENSE` beside weights nobody takes) come along while there is room for them; they
 * can therefore neither pass a limit nor fail a model.
 *
 * @param modelId as the catalog names the model; the Hub may have renamed it
 * @param embedded paths of the files that are embedded, or that slim downloads
 */
export function legalScope(
  { id, license, files }: Pick<ModelFacts, 'id' | 'license' | 'files'>,
  modelId: string,
  embedded: readonly string[],
): LegalScope {
  const link = licenseLink(license.link, [id, modelId], files);
  const isLinked = ({ path }: HubFile) => path === link.path;
  const folders = new Set(['', ...embedded.filter((path) => !isLegalPath(path)).flatMap(foldersOf)]);
  const legal = files.filter((file) => isLinked(file) || isLegalPath(file.path));
  const isNeeded = (file: HubFile) => isLinked(file) || folders.has(folderOf(file.path));
  const needed = legal.filter(isNeeded);
  const further = legal
    .filter((file) => !isNeeded(file) && isPlaceable(file))
    .sort((a, b) => a.path.split('/').length - b.path.split('/').length || byteOrder(a.path, b.path));
  const room = Math.max(0, MAX_LEGAL_FILES - needed.length);
  return { legal: legalFiles([...needed, ...further.slice(0, room)], link.path), link: link.text };
}

/** Every folder above a path, the root left out. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join('/'));
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
