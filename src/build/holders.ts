import { parseReference } from '../registry/reference.ts';
import type { ImageTarget, Reference } from '../registry/types.ts';
import type { AssembleContext } from './assemble.ts';

/** Where a blob may be copied or mounted from. */
export interface Holder {
  name: string;
  source: ReturnType<AssembleContext['open']>;
  /** Whether the blob was seen there. */
  seen: boolean;
}

/**
 * Those who have a blob or may have it, nearest first.
 *
 * @param there targets that have it
 * @param places names of repositories that had it once; those that we may not read are passed over, for other people's are remembered too
 */
export function holdersOf(
  there: readonly ImageTarget[],
  places: readonly string[],
  { targets, open }: Pick<AssembleContext, 'targets' | 'open'>,
): Holder[] {
  const elsewhere = places.filter((name) => targets.every((target) => target.name !== name));
  return [
    ...there.map((source) => ({ name: source.name, source, seen: true })),
    ...elsewhere.flatMap((name) => opened(name, open)),
  ];
}

function opened(name: string, open: AssembleContext['open']): Holder[] {
  try {
    return [{ name, source: open(parseReference(name)), seen: false }];
  } catch {
    return [];
  }
}

/** A registry's repository; nothing for a layout, which nothing can be mounted from. */
export function referenceOf(name: string): Reference[] {
  return name.startsWith('oci:') ? [] : [parseReference(name)];
}
