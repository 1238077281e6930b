import type { LicenseClass } from '../policy/types.ts';
import { hubLicense } from './hub-licenses.ts';

/** One sentence for each obligation: a reading for orientation, not legal advice. They are in images: see ASSEMBLER_FORMAT. */
const MEANINGS = {
  text: 'A copy of the licence goes along.',
  notice: 'NOTICE files, or the notice that the licence prescribes, go along unchanged.',
  attribution: 'The author is named, with a link to the licence and to the source.',
  'same-licence': 'What is passed on stays under this licence, with source where it asks for that.',
  'unmodified-only': 'It may be passed on only as it is.',
  'non-commercial': 'It is not for commercial use.',
  'use-restrictions': 'Its conditions of use go along and bind whoever uses it next.',
  'naming:Built with Llama': 'Products show "Built with Llama"; the name of a derived model begins with "Llama".',
  'naming:Built with Meta Llama 3':
    'Products show "Built with Meta Llama 3"; the name of a derived model begins with "Llama 3".',
  'naming:Powered by xAI': 'Products show "Powered by xAI".',
  'naming:no endorsement': "The authors' names are not used to promote what is derived from it.",
  'naming:not the reserved font names': 'What is derived from it does not bear the reserved font names.',
  'naming:modified copies say so': 'Modified copies say that they are modified.',
} as const;

/**
 * What a licence asks of somebody who passes the model on. `naming:…` carries the words that must be shown, or what a name must or
 * must not say.
 */
export type Obligation = keyof typeof MEANINGS;

/** An obligation as a sentence. */
export function obligationMeaning(obligation: Obligation): string {
  return MEANINGS[obligation];
}

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
  ['afl-3.0', ['text', 'notice', 'naming:no endorsement']],
  ['bsd-3-clause', ['text', 'naming:no endorsement']],
  ['bsd-3-clause-clear', ['text', 'naming:no endorsement']],
  ['ncsa', ['text', 'naming:no endorsement']],
  ['zlib', ['text', 'naming:modified copies say so']],
  ['openmdw-1.0', ['text', 'notice']],
  ['openmdw-1.1', ['text', 'notice']],
  ['odbl', ['text', 'notice', 'same-licence']],
  ['deepfloyd-if-license', ['text', 'non-commercial', 'use-restrictions']],
  ['fair-noncommercial-research-license', ['text', 'non-commercial', 'use-restrictions']],
  ['grok2-community', ['text', 'notice', 'use-restrictions', 'naming:Powered by xAI']],
  ['gemma', ['text', 'notice', 'use-restrictions']],
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
  return BY_ID.get(license.id) ?? creativeCommons(license.id) ?? BY_CLASS[license.class];
}

/** Creative Commons spells its obligations out in the name. @param id lower case; null for a licence that is not of that family */
export function creativeCommons(id: string): Obligation[] | null {
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
