import { TAR_END, type TarEntry, tarSize } from './tar.ts';

/**
 * Which weight files share a layer: none, while there are slots for all. Else neighbours share, as many in each group as the slots ask
 * for, so that sizes decide nothing and a shard that changes changes one group. Only where such groups would pass the limit are
 * they filled up one after the other, which makes as few groups as this order allows.
 *
 * @returns consecutive groups; over the limit only where a file alone is, and more than `slots` only where that cannot be helped
 */
export function groupWeights<T extends { entry: TarEntry }>(files: readonly T[], slots: number, limit: number): T[][] {
  if (files.length <= slots) return files.map((file) => [file]);
  const sized = files.map((file) => ({ file, size: tarSize([file.entry]) - TAR_END.length }));
  const perGroup = Math.ceil(files.length / slots);
  const even: T[][] = [];
  const full: T[][] = [];
  let evenFits = true;
  let evenSize = 0;
  let fullSize = 0;
  for (const [at, { file, size }] of sized.entries()) {
    if (at % perGroup === 0) {
      even.push([]);
      evenSize = TAR_END.length;
    }
    even.at(-1)?.push(file);
    evenSize += size;
    evenFits &&= evenSize <= limit;
    if (full.length === 0 || fullSize + size > limit) {
      full.push([]);
      fullSize = TAR_END.length;
    }
    full.at(-1)?.push(file);
    fullSize += size;
  }
  return evenFits ? even : full;
}
