import { quote } from '../../policy/quote.ts';
import { baseName, extension, missing, type Repository, type Selection, shardsOf } from './repository.ts';
import { isSupportFile } from './support-files.ts';

/** One set of weights: the same model may lie in the repository several times, in several forms. */
interface Family {
  index: string;
  extension: string;
  /** Root files of this form, before the index has its say. */
  candidates: string[];
}

export interface TransformersRules {
  engine: string;
  /** Take Mistral's own `consolidated*.safetensors` rather than the Transformers shards where both are there. */
  preferConsolidated: boolean;
}

const ADAPTER = /^adapter_model\./i;
/** Pickles of training, which vLLM skips too. */
const TRAINING = /^(?:training_args|optimizer|scheduler|scaler|rng_state.*)\.(?:bin|pt|pth)$/i;
const SENTENCE_MODULE = /^\d+_[A-Za-z]\w*\/[^/]+$/;

/**
 * Choice for engines that load a Transformers folder. Weights are one family at the root, the first of: consolidated safetensors
 * (where preferred), safetensors, consolidated safetensors, `*.bin`, `*.pt`; pickles thus only where no safetensors exist. A
 * family's index, when it was read, decides which of its files are shards. All other forms stay out, with the other families'
 * indexes. Modules of sentence-transformers (`2_Dense/`) keep their weights.
 */
export function chooseTransformers(repository: Repository, rules: TransformersRules): Selection {
  const family = familiesOf(repository, rules).find(
    ({ candidates, index }) => candidates.length > 0 || repository.paths.has(index),
  );
  if (family === undefined) return { incompatible: whyNothing(repository, rules.engine) };
  const shards = resolve(repository, family, rules.engine);
  if ('incompatible' in shards) return shards;
  const support = repository.files.filter(({ path }) => isSupportFile(path)).map(({ path }) => path);
  const index = repository.paths.has(family.index) ? [family.index] : [];
  return { paths: [...shards.paths, ...index, ...support, ...moduleWeights(repository)] };
}

function familiesOf({ paths }: Repository, { preferConsolidated }: TransformersRules): Family[] {
  const root = [...paths].filter((path) => !path.includes('/') && !ADAPTER.test(path) && !TRAINING.test(path));
  const having = (suffix: string) => root.filter((path) => extension(path) === suffix);
  const isConsolidated = (path: string) => /^consolidated/i.test(path);
  const native: Family = {
    index: 'model.safetensors.index.json',
    extension: '.safetensors',
    candidates: withoutVariants(
      having('.safetensors').filter((path) => !isConsolidated(path)),
      paths.has('model.safetensors.index.json') ? null : 'model.safetensors',
    ),
  };
  const consolidated: Family = {
    index: 'consolidated.safetensors.index.json',
    extension: '.safetensors',
    candidates: having('.safetensors').filter(isConsolidated),
  };
  const bin: Family = {
    index: 'pytorch_model.bin.index.json',
    extension: '.bin',
    candidates: withoutVariants(having('.bin'), paths.has('pytorch_model.bin.index.json') ? null : 'pytorch_model.bin'),
  };
  const pt: Family = { index: 'pytorch_model.pt.index.json', extension: '.pt', candidates: having('.pt') };
  // vLLM takes a repository for Mistral's only when params.json is there too; without it the Transformers form is the one that loads.
  const first = preferConsolidated && paths.has('params.json') && consolidated.candidates.length > 0;
  return first ? [consolidated, native, bin, pt] : [native, consolidated, bin, pt];
}

/** Drops `model.fp16.safetensors` beside a `model.safetensors` that is the whole: the same weights once more. */
function withoutVariants(candidates: string[], whole: string | null): string[] {
  if (whole === null || !candidates.includes(whole)) return candidates;
  const [stem = '', suffix = ''] = [whole.slice(0, whole.lastIndexOf('.')), extension(whole)];
  return candidates.filter((path) => path === whole || !(path.startsWith(`${stem}.`) && path.endsWith(suffix)));
}

function resolve(repository: Repository, family: Family, engine: string): Selection {
  const named = shardsOf(repository, family.index);
  if (named === null) {
    if (family.candidates.length > 0) return { paths: family.candidates };
    return { incompatible: `${quote(family.index)} is there without any of its shards: choose another revision.` };
  }
  if (named.length === 0) {
    return {
      incompatible: `${quote(family.index)} names no shards, so ${engine} would load nothing: choose another revision.`,
    };
  }
  for (const shard of named) {
    if (!repository.paths.has(shard)) return missing(repository, shard, quote(family.index));
    if (extension(shard) !== family.extension) {
      return {
        incompatible: `${quote(family.index)} names ${quote(shard)}, which is not a ${family.extension} file: choose another revision.`,
      };
    }
  }
  return { paths: named };
}

function moduleWeights({ paths }: Repository): string[] {
  const modules = [...paths].filter((path) => SENTENCE_MODULE.test(path));
  return modules.filter((path) => {
    if (extension(path) === '.safetensors') return true;
    const folder = path.slice(0, path.lastIndexOf('/'));
    return (
      baseName(path) === 'pytorch_model.bin' &&
      !modules.some((other) => other.startsWith(`${folder}/`) && extension(other) === '.safetensors')
    );
  });
}

function whyNothing({ paths }: Repository, engine: string): string {
  const all = [...paths];
  const some = (suffix: string) => all.some((path) => extension(path) === suffix);
  if (some('.gguf'))
    return `The repository has only GGUF weights, which ${engine} does not load: use a llamacpp runtime.`;
  if (all.some((path) => ADAPTER.test(path))) {
    return `The repository is an adapter without its base model, which ${engine} does not serve alone: use the merged model.`;
  }
  if (some('.safetensors')) {
    return `The repository has weights only in sub-folders, where ${engine} does not look: use a repository with them at its root.`;
  }
  return `The repository has no safetensors, .bin or .pt weights, which ${engine} needs: use another repository or runtime.`;
}
