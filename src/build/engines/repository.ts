import type { HubFile, ModelFacts } from '../../huggingface/types.ts';
import { quote } from '../../policy/quote.ts';

/** A repository as the engines' choices see it: without what the catalog excludes. */
export interface Repository {
  files: readonly HubFile[];
  /** Paths of `files`. */
  paths: ReadonlySet<string>;
  /** Paths that `files.exclude` left out. */
  excluded: ReadonlySet<string>;
  /** Paths that `files.include` names. */
  included: ReadonlySet<string>;
  /** Quantisation of a GGUF model that `files.quant` asks for; null = the engine's default. */
  quant: string | null;
  indexes: ModelFacts['indexes'];
}

/** What an engine would load, or why it cannot. */
export type Selection = { paths: string[] } | { incompatible: string };

/** The shards an index names; null when the index is absent, excluded, or could not be read. */
export function shardsOf(repository: Repository, index: string): string[] | null {
  if (!repository.paths.has(index) || !Object.hasOwn(repository.indexes, index)) return null;
  return [...new Set(repository.indexes[index])];
}

/** A file somebody counts on is not there: the message says whether the Hub or the catalog is the reason. */
export function missing(repository: Repository, path: string, countedOnBy: string): Selection {
  return {
    incompatible: repository.excluded.has(path)
      ? `${countedOnBy} names ${quote(path)}, which \`files.exclude\` leaves out: exclude the index too, or keep the file.`
      : `${countedOnBy} names ${quote(path)}, which the repository does not have at this revision: choose another revision.`,
  };
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Extension in lower case with its dot; empty for none. */
export function extension(path: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot).toLowerCase();
}
