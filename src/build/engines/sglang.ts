import type { Repository, Selection } from './repository.ts';
import { chooseTransformers } from './transformers.ts';

/** SGLang loads the same folders as vLLM, without vLLM's preference for Mistral's format. */
export function chooseForSglang(repository: Repository): Selection {
  return chooseTransformers(repository, { engine: 'SGLang', preferConsolidated: false });
}
