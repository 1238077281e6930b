import { quote } from './quote.ts';
import type { EffectiveLicense } from './types.ts';

/** A declaration as messages show it: in the Hub's words, and in SPDX's where those are others. */
export function describeLicense({ declared, spdx }: EffectiveLicense): string {
  if (declared === null || spdx === null) return 'no licence';
  return declared === spdx ? quote(declared) : `${quote(declared)} (${quote(spdx).slice(1, -1)})`;
}
