import type { Repository, Selection } from './repository.ts';
import { chooseTransformers } from './transformers.ts';

/**
 * vLLM looks for Mistral's own format first (`params.json` with `consolidated*.safetensors`), so of a repository that has both
 * forms it gets that one alone: with the other beside it the image would be twice as large and load the same.
 */
export function chooseForVllm(repository: Repository): Selection {
  return chooseTransformers(repository, { engine: 'vLLM', preferConsolidated: true });
}
