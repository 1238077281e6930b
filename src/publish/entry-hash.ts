import type { Catalog, Model } from '../catalog/types.ts';
import { canonicalJson } from '../image/canonical-json.ts';
import { sha256Hex } from '../image/hash.ts';

/** What the operator decides of a publication. */
export interface OperatorSettings {
  /** Account of the catalog's repository. */
  owner: string;
  scan: 'required' | 'optional';
  /** `host/repository` of every place that the operator allows the model, aliases included. */
  repositories: readonly string[];
  /** The same of every mirror: one that is allowed later gets what is published already. */
  mirrors: readonly string[];
  /** MAX_IMAGE_BYTES; null for none. */
  maxImageBytes: number | null;
}

/**
 * Hash of what a catalog and its operator ask for of one model, hex sha256: its entry, the settings and the runtimes that concern it. While it
 * is the same, what is published is what is asked for, whatever else the catalog says. Where the entry stands, `schedule` and the settings of
 * other models' registries and runtimes are no part of it.
 */
export function entryHash({ settings, runtimes }: Catalog, model: Model, operator: OperatorSettings): string {
  const { position: _, ...entry } = model;
  const { registries, schedule: _schedule, publish: _publish, project, ...shared } = settings;
  const named = [...new Set([...model.publish, ...settings.mirrors])].sort();
  const used = runtimes.filter(({ name }) => model.runtimes.includes(name)).sort(byName);
  const built = used.some(({ build }) => build !== null);
  return sha256Hex(
    canonicalJson({
      entry,
      settings: shared,
      registries: named.map((name) => [name, registries[name] ?? null]),
      project: built ? project : null,
      runtimes: used,
      operator: {
        ...operator,
        repositories: [...operator.repositories].sort(),
        mirrors: [...operator.mirrors].sort(),
      },
    }),
  );
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
