import type { Catalog } from '../catalog/types.ts';
import type { Pins, PlannedTarget } from '../plan/types.ts';
import type { Digest } from '../registry/types.ts';
import type { ReviewJob } from './types.ts';

/** Something that resolved models: a plan, or what was published of one. */
export interface PinSource {
  targets: readonly Pick<PlannedTarget, 'model' | 'revision' | 'base'>[];
  /** Each model's `revision` as the catalog had it then. */
  revisions: Record<string, string | null>;
}

/**
 * Revisions and base digests resolved earlier, of models whose id and revision are as they were. A plan in which the Hub or the
 * registry did not answer, or the catalog was broken, does not lose what one before it had pinned.
 */
export function pinsOf(earlier: readonly PinSource[], head: Catalog, rebuild: ReviewJob['rebuild']): Pins {
  const pins: Pins = { revisions: {}, bases: {} };
  if (rebuild?.shorts === 'all') return pins;
  const released = new Set(rebuild?.shorts ?? []);
  const entries = new Map(head.models.map((entry) => [entry.short, entry]));
  for (const { targets, revisions } of earlier) {
    for (const { model, revision, base } of targets) {
      const entry = entries.get(model.short);
      if (entry === undefined || entry.id !== model.id || released.has(model.short)) continue;
      const sameField = (revisions[model.short] ?? null) === entry.revision;
      if (revision !== null && sameField) pins.revisions[model.short] ??= revision;
      if (base.digest === null) continue;
      const own: Record<string, Digest> = pins.bases[model.short] ?? {};
      own[base.reference] ??= base.digest;
      pins.bases[model.short] = own;
    }
  }
  return pins;
}
