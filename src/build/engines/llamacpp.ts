import { byteOrder } from '../../image/file-list.ts';
import { isLegalName } from '../../licensing/legal-files.ts';
import { quote, quoteSome } from '../../policy/quote.ts';
import { fitOf, quantisationOf } from './quantisation.ts';
import { baseName, extension, missing, type Repository, type Selection } from './repository.ts';

/** What llama.cpp itself takes when no quantisation is asked for; after these, the first there is. */
const PREFERRED = ['Q4_K_M', 'Q8_0'];
const PROJECTOR_PREFERRED = ['F16', 'BF16'];
/** Quantisations that advice names. */
const MOST_LISTED = 20;

/** A GGUF model: one file, or all parts of a split one. */
interface GgufModel {
  /** Path of the file or, for a split model, of its first part. */
  entry: string;
  parts: string[];
}

/**
 * Choice for llama.cpp: one quantisation with all its splits (`files.quant`, by default Q4_K_M, then Q8_0, then the first), the vision
 * projector (`mmproj`, one precision) and legal files; importance matrices are for quantising, not for serving. Of GGUF files that
 * `files.include` names one model is the choice, and more than one is a mistake: a server loads one, and all would weigh. Those
 * that `files.exclude` names are not considered.
 */
export function chooseForLlamacpp(repository: Repository): Selection {
  const gguf = repository.files
    .map(({ path }) => path)
    .filter((path) => extension(path) === '.gguf')
    .sort(rootFirst);
  const projectors = gguf.filter((path) => /mmproj/i.test(baseName(path)));
  const models = gguf.filter((path) => !/mmproj|imatrix/i.test(baseName(path)));
  const chosen = chooseModel(groupSplits(models), repository);
  if ('incompatible' in chosen) return chosen;
  const lost = chosen.parts.find((path) => !repository.paths.has(path));
  if (lost !== undefined) return missing(repository, lost, quote(chosen.entry));
  const projector = projectors.some((path) => repository.included.has(path))
    ? []
    : [prefer(projectors, (path) => path, PROJECTOR_PREFERRED) ?? projectors[0]].flatMap((path) => path ?? []);
  const legal = repository.files.filter(({ path }) => isLegalName(baseName(path))).map(({ path }) => path);
  return { paths: [...chosen.parts, ...projector, ...legal] };
}

function chooseModel(all: readonly GgufModel[], { included, quant }: Repository): GgufModel | { incompatible: string } {
  const wanted = all.filter(({ parts }) => parts.some((path) => included.has(path)));
  if (wanted.length > 1) {
    const names = quoteSome(wanted.map(({ entry }) => entry));
    return {
      incompatible: `\`files.include\` names ${wanted.length} GGUF models (${names}), and an image serves one: name one, or its quantisation as \`files.quant\`.`,
    };
  }
  const candidates = wanted.length > 0 ? wanted : all;
  const nameOf = ({ entry }: GgufModel) => entry;
  const chosen =
    quant === null ? (prefer(candidates, nameOf, PREFERRED) ?? candidates[0]) : prefer(candidates, nameOf, [quant]);
  if (chosen !== undefined) return chosen;
  if (quant === null || candidates.length === 0) {
    return {
      incompatible:
        'The repository has no GGUF weights, which llama.cpp needs: use a GGUF repository of the model, or another runtime.',
    };
  }
  const known = [...new Set(candidates.map(({ entry }) => quantisationOf(entry) ?? quote(entry)))];
  const more = known.length > MOST_LISTED ? ` and ${known.length - MOST_LISTED} more` : '';
  const where = wanted.length > 0 ? 'what `files.include` names is' : 'the repository has';
  return {
    incompatible: `\`files.quant\` asks for ${quant}, and ${where} ${known.slice(0, MOST_LISTED).join(', ')}${more}: choose one of these.`,
  };
}

/** Parts `-00001-of-00003.gguf` as one model, with every part its name promises whether there or not. */
function groupSplits(paths: string[]): GgufModel[] {
  const models = new Map<string, GgufModel>();
  for (const path of paths) {
    const [, stem, , total] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i.exec(path) ?? [];
    if (stem === undefined || total === undefined) {
      models.set(path, { entry: path, parts: [path] });
      continue;
    }
    const suffix = path.slice(-'.gguf'.length);
    const part = (number: number) => `${stem}-${String(number).padStart(5, '0')}-of-${total}${suffix}`;
    if (!models.has(part(1))) {
      const parts = Array.from({ length: Math.max(Number(total), 1) }, (_, at) => part(at + 1));
      models.set(part(1), { entry: part(1), parts });
    }
  }
  return [...models.values()];
}

function prefer<T>(items: readonly T[], nameOf: (item: T) => string, order: readonly string[]): T | undefined {
  for (const quant of order) {
    const fits = items.map((item) => fitOf(nameOf(item), quant));
    const best = Math.max(0, ...fits);
    if (best > 0) return items[fits.indexOf(best)];
  }
  return undefined;
}

function rootFirst(a: string, b: string): number {
  return a.split('/').length - b.split('/').length || byteOrder(a, b);
}
