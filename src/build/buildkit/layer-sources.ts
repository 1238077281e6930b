import { PublisherError } from '../../errors.ts';
import type { HubFile } from '../../huggingface/types.ts';
import type { PlannedLayer } from '../../image/layer-plan.ts';

/** How the files of one layer get to BuildKit. */
export interface LayerSources {
  /** Of its folder in the build context, and of its stage. */
  name: string;
  /** Fetched by BuildKit itself, which verifies their sha256. */
  added: AddedFile[];
  /** Downloaded and verified by us, into the build context. */
  copied: HubFile[];
}

export interface AddedFile {
  path: string;
  /** Hex. */
  sha256: string;
}

/**
 * Names a Dockerfile carries as they are: no `$`, quote or backslash, which its word expansion reads even in the JSON form, nothing
 * that begins a here-document, no control character. All others travel inside the context, where nothing is expanded.
 */
const PLAIN = /^[\p{L}\p{M}\p{N} ._/+=@,~()[\]-]+$/u;

/**
 * Weights with a known sha256 and a plain name are fetched by BuildKit; small files, files stored in git and odd names come through the
 * context. What ends in `.git` would be taken for a repository to clone.
 *
 * @throws PublisherError `too-large` for shards of a split file, which no Dockerfile can cut
 */
export function layerSources(layers: readonly PlannedLayer[]): LayerSources[] {
  return layers.map(({ kind, entries }, at) => {
    const sources: LayerSources = {
      name: kind === 'small-files' ? 'small-files' : `weights-${at}`,
      added: [],
      copied: [],
    };
    for (const { source } of entries) {
      if (source.kind === 'directory') continue;
      if (source.kind !== 'file') throw new PublisherError('too-large', CANNOT_SPLIT);
      const { path, sha256 } = source.file;
      if (kind === 'weights' && sha256 !== null && isPlain(path)) sources.added.push({ path, sha256 });
      else sources.copied.push(source.file);
    }
    return sources;
  });
}

export const CANNOT_SPLIT =
  'The BuildKit builder cannot split files that are larger than a layer may be: use `builder: assemble`, or raise `limits.layer_max_bytes` where the registries allow it.';

function isPlain(path: string): boolean {
  return PLAIN.test(path) && path.isWellFormed() && !path.endsWith('.git');
}
