import type { HubFile, ModelFacts } from '../../../src/huggingface/types.ts';
import { hubFile } from './input.ts';

/** A repository by its paths; each file has ten bytes. */
export function repository(
  paths: readonly string[],
  indexes: ModelFacts['indexes'] = {},
): { files: HubFile[]; indexes: ModelFacts['indexes'] } {
  return { files: paths.map((path) => hubFile(path, { size: 10 })), indexes };
}
