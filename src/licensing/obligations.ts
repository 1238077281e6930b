import type { LicenseClass } from '../policy/types.ts';
import { type HubLicense, hubLicense } from './hub-licenses.ts';

/**
 * What a licence asks of somebody who passes the model on. A reading for orientation, not legal advice. `naming:…` carries the words
 * that must be shown, or what a name must or must not say.
 */
export type Obligation =
  | 'text' // a copy of the licence goes along
  | 'notice' // NOTICE or a prescribed notice goes along
  | 'attribution' // the author is named, with a link to licence and source
  | 'same-licence' // what is passed on stays under this licence, with source where it asks for it
  | 'unmodified-only'
  | 'non-commercial'
  | 'use-restrictions' // conditions of use go along and bind the next user
  | `naming:${string}`;

const BY_CLASS: Record<LicenseClass, Obligation[]> = {
  permissive: ['text'],
  copyleft: ['text', 'same-licence'],
  review: ['text', 'use-restrictions'],
  'rail-conditions': ['text', 'use-restrictions'],
  'noncommercial-or-research': ['text', 'non-commercial'],
  'verbatim-only': ['text', 'unmodified-only'],
  'community-conditions': ['text', 'notice', 'use-restrictions'],
  'ambiguous-family': ['text'],
  unknown: ['text'],
};

/** Where a licence asks for something else than its class does; keys are the Hub's ids. */
const BY_ID: ReadonlyMap<string, Obligation[]> = new Map<string, Obligation[]>([
  ['apache-2.0', ['text', 'notice']],
  ['ecl-2.0', ['text', 'notice']],
  ['afl-3.0', ['text', 'notice']],
  ['cc0-1.0', []],
  ['unlicense', []],
  ['wtfpl', []],
  ['pddl', []],
  ['etalab-2.0', ['attribution']],
  ['odc-by', ['text', 'attribution']],
  ['ms-pl', ['text', 'same-licence']],
  ['ofl-1.1', ['text', 'same-licence', 'naming:not the reserved font names']],
  ['lppl-1.3c', ['text', 'naming:modified copies say so']],
  ['artistic-2.0', ['text', 'naming:modified copies say so']],
  ['llama2', ['text', 'notice', 'use-restrictions']],
  ['llama3', ['text', 'notice', 'use-restrictions', 'naming:Built with Meta Llama 3']],
  ['llama3.1', ['text', 'notice', 'use-restrictions', 'naming:Built with Llama']],
  ['llama3.2', ['text', 'notice', 'use-restrictions', 'naming:Built with Llama']],
  ['llama3.3', ['text', 'notice', 'use-restrictions', 'naming:Built with Llama']],
  ['llama4', ['text', 'notice', 'use-restrictions', 'naming:Built with Llama']],
]);

/** The obligations of a licence that the Hub offers; empty for one it does not. */
export function obligationsOf(hubId: string): Obligation[] {
  const license = hubLicense(hubId);
  if (license === null) return [];
  return BY_ID.get(license.id) ?? creativeCommons(license) ?? BY_CLASS[license.class];
}

/** Creative Commons spells its obligations out in the name. */
function creativeCommons({ id }: HubLicense): Obligation[] | null {
  if (!id.startsWith('cc-by-')) return null;
  const parts = id.split('-');
  return [
    'text',
    'attribution',
    ...(parts.includes('sa') ? (['same-licence'] as const) : []),
    ...(parts.includes('nd') ? (['unmodified-only'] as const) : []),
    ...(parts.includes('nc') ? (['non-commercial'] as const) : []),
  ];
}
