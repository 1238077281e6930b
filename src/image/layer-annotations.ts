import { LABEL_PREFIX } from './labels.ts';
import { type PlannedLayer, sourceIdentity } from './layer-plan.ts';

/** Identity of a layer's content, see `PlannedLayer.key`. */
export const LAYER_KEY = `${LABEL_PREFIX}.layer.key`;
const LAYER_FILES = `${LABEL_PREFIX}.layer.files`;
/** Characters; a layer of many small files is named by its key alone. */
const MOST_TEXT = 4096;

/**
 * Annotations of a weight layer's descriptor: what it was made from, so that a registry alone can tell which layers need not move again. A hint
 * for whoever reads it, never evidence.
 */
export function layerAnnotations({ key, entries }: PlannedLayer): Record<string, string> {
  const files = entries.flatMap(({ entry, source }) =>
    source.kind === 'directory' ? [] : [`${sourceIdentity(source)} ${entry.path}`],
  );
  const text = files.join('\n');
  return { [LAYER_KEY]: key, ...(text.length <= MOST_TEXT ? { [LAYER_FILES]: text } : {}) };
}
