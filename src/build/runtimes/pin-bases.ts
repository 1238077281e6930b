import type { Runtime } from '../../catalog/types.ts';
import { asPublisherError } from '../../errors.ts';
import { parseReference } from '../../registry/reference.ts';
import type { ImageSource, Reference } from '../../registry/types.ts';
import { resolveBase } from '../base.ts';
import { type BasePins, baseImageOf } from './base-lock.ts';

export interface PinnedBases {
  pins: BasePins;
  /** Bases that could not be resolved, with the reason. */
  unpinned: { base: string; why: string }[];
}

/**
 * Where the base of each runtime points now, for the platforms that all runtimes on it want. What cannot be resolved has no pin: not
 * a former one either, since nobody knows whether it is still there.
 */
export async function pinBases(
  runtimes: readonly Runtime[],
  open: (reference: Reference) => ImageSource,
  signal?: AbortSignal,
): Promise<PinnedBases> {
  const wanted = new Map<string, Set<string>>();
  for (const { build, platforms } of runtimes) {
    if (build === null) continue;
    const base = baseImageOf(build);
    wanted.set(base, new Set([...(wanted.get(base) ?? []), ...platforms]));
  }
  const answers = await Promise.all(
    [...wanted].map(async ([base, platforms]) => {
      try {
        const reference = parseReference(base);
        const name = reference.digest ?? reference.tag ?? 'latest';
        const { digest } = await resolveBase(open(reference), base, name, [...platforms], signal);
        return { base, digest };
      } catch (thrown) {
        return { base, why: asPublisherError(thrown).message };
      }
    }),
  );
  return {
    pins: Object.fromEntries(answers.flatMap(({ base, digest }) => (digest === undefined ? [] : [[base, digest]]))),
    unpinned: answers.flatMap(({ base, why }) => (why === undefined ? [] : [{ base, why }])),
  };
}
