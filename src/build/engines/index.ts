import type { Engine } from '../../catalog/types.ts';
import type { ModelFacts } from '../../huggingface/types.ts';
import { byteOrder } from '../../image/file-list.ts';
import { pathConflict, safePath } from '../../policy/safe-path.ts';
import type { FileChoice } from '../../policy/types.ts';
import { matchesAny } from './glob.ts';
import { chooseForLlamacpp } from './llamacpp.ts';
import type { Repository, Selection } from './repository.ts';
import { chooseForSglang } from './sglang.ts';
import { chooseForVllm } from './vllm.ts';

const ENGINES: Record<Engine, (repository: Repository) => Selection> = {
  vllm: chooseForVllm,
  sglang: chooseForSglang,
  llamacpp: chooseForLlamacpp,
};

/** Characters of all patterns together: bounds the work of matching them against a large repository. */
const MAX_PATTERN_LENGTH = 4096;

/**
 * The files an image holds for an engine, out of all that a repository has. `exclude` wins over everything and is applied first, as
 * if the repository did not have the files; `include` adds what the engine's own choice leaves out (for llama.cpp, GGUF files it
 * names replace the default quantisation, as `quant` does). Patterns are those of {@link matchesAny}. A repository with names that could not be
 * files of an image is not compatible with any engine.
 */
export function chooseFiles(
  engine: Engine,
  facts: Pick<ModelFacts, 'files' | 'indexes'>,
  rules: { include: readonly string[]; exclude: readonly string[]; quant: string | null },
): FileChoice {
  const patterns = [...rules.include, ...rules.exclude];
  if (patterns.reduce((sum, pattern) => sum + pattern.length, 0) > MAX_PATTERN_LENGTH) {
    return incompatible(
      `\`files\` has more than ${MAX_PATTERN_LENGTH} characters of patterns: name folders instead of single files.`,
    );
  }
  const isExcluded = ({ path }: { path: string }) => matchesAny(rules.exclude, path);
  const excluded = new Set(facts.files.filter(isExcluded).map(({ path }) => path));
  const files = facts.files.filter(({ path }) => !excluded.has(path));
  for (const { path } of files) {
    const problem = safePath(path);
    if (problem !== null) return incompatible(problem);
  }
  const paths = new Set(files.map(({ path }) => path));
  const included = new Set([...paths].filter((path) => matchesAny(rules.include, path)));
  const selection = ENGINES[engine]({ files, paths, excluded, included, indexes: facts.indexes, quant: rules.quant });
  if ('incompatible' in selection) return incompatible(selection.incompatible);
  const wanted = new Set([...selection.paths, ...included]);
  const chosen = files.filter(({ path }) => wanted.has(path)).sort((a, b) => byteOrder(a.path, b.path));
  const conflict = pathConflict(chosen.map(({ path }) => path));
  if (conflict !== null) return incompatible(conflict);
  return {
    paths: chosen.map(({ path }) => path),
    bytes: chosen.reduce((sum, { size }) => sum + size, 0),
    incompatible: null,
  };
}

function incompatible(why: string): FileChoice {
  return { paths: [], bytes: 0, incompatible: why };
}
