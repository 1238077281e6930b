import { byteOrder } from '../../image/file-list.ts';
import { isLegalName } from '../../licensing/legal-files.ts';
import { quote } from '../../policy/quote.ts';
import { baseName, extension, missing, type Repository, type Selection } from './repository.ts';

/** What llama.cpp itself takes when no quantisation is asked for; after these, the first there is. */
const PREFERRED = [quantisation('q4_k_m'), quantisation('q8_0')];
const PROJECTOR_PREFERRED = [quantisation('f16'), quantisation('bf16')];

/** A GGUF model: one file, or all parts of a split one. */
interface GgufModel {
  /** Path of the file or, for a split model, of its first part. */
  entry: string;
  parts: string[];
}

/**
 * Choice for llama.cpp: one quantisation with all its splits (default Q4_K_M, then Q8_0, then the first), the vision projector
 * (`mmproj`, one precision) and legal files; importance matrices are for quantising, not for serving. GGUF files that
 * `files.include` names take the place of the default; those that `files.exclude` names are not considered.
 */
export function chooseForLlamacpp(repository: Repository): Selection {
  const gguf = repository.files
    .map(({ path }) => path)
    .filter((path) => extension(path) === '.gguf')
    .sort(rootFirst);
  const projectors = gguf.filter((path) => /mmproj/i.test(baseName(path)));
  const models = gguf.filter((path) => !/mmproj|imatrix/i.test(baseName(path)));
  const wanted = models.filter((path) => repository.included.has(path));
  const grouped = groupSplits(models);
  const chosen =
    wanted.length > 0
      ? grouped.filter(({ parts }) => parts.some((path) => repository.included.has(path)))
      : [prefer(grouped, ({ entry }) => entry, PREFERRED)].flatMap((model) => model ?? []);
  if (chosen.length === 0) {
    return {
      incompatible:
        'The repository has no GGUF weights, which llama.cpp needs: use a GGUF repository of the model, or another runtime.',
    };
  }
  for (const { entry, parts } of chosen) {
    const lost = parts.find((path) => !repository.paths.has(path));
    if (lost !== undefined) return missing(repository, lost, quote(entry));
  }
  const projector = projectors.some((path) => repository.included.has(path))
    ? []
    : [prefer(projectors, (path) => path, PROJECTOR_PREFERRED)].flatMap((path) => path ?? []);
  const legal = repository.files.filter(({ path }) => isLegalName(baseName(path))).map(({ path }) => path);
  return { paths: [...chosen.flatMap(({ parts }) => parts), ...projector, ...legal] };
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

function prefer<T>(items: readonly T[], nameOf: (item: T) => string, order: readonly RegExp[]): T | undefined {
  for (const pattern of order) {
    const found = items.find((item) => pattern.test(nameOf(item)));
    if (found !== undefined) return found;
  }
  return items[0];
}

/** The quantisation's name as a word of the path: `Q4_K_M`, but not the end of `IQ4_K_M`. */
function quantisation(name: string): RegExp {
  return new RegExp(`(?:^|[^a-z0-9])${name}(?:[^a-z0-9_]|$)`, 'i');
}

function rootFirst(a: string, b: string): number {
  return a.split('/').length - b.split('/').length || byteOrder(a, b);
}
