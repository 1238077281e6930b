import type { LicenseClass } from '../policy/types.ts';
import { HUB_LICENSES } from './hub-licenses.ts';
import { licenseRef } from './license-ref.ts';
import { type Obligation, obligationsOf } from './obligations.ts';

/** One entry of `licenses/index.json`. */
export interface LicenseIndexEntry {
  /** SPDX id, or the LicenseRef used for a licence without one. */
  id: string;
  name: string;
  /** As the Hub spells it. */
  hub: string;
  class: LicenseClass;
  obligations: Obligation[];
  /** The vendored text, relative to `licenses/`; null when SPDX has none. */
  text: string | null;
}

/** Every licence the Hub offers, in order of id. @param names SPDX id → SPDX's name for it */
export function licenseIndex(names: ReadonlyMap<string, string>): LicenseIndexEntry[] {
  return HUB_LICENSES.map(
    ({ id, spdx, class: group }): LicenseIndexEntry => ({
      id: spdx ?? licenseRef(id),
      name: (spdx === null ? undefined : names.get(spdx)) ?? id,
      hub: id,
      class: group,
      obligations: obligationsOf(id),
      text: spdx === null ? null : `texts/${spdx}.txt`,
    }),
  ).sort((a, b) => (a.id < b.id ? -1 : 1));
}
