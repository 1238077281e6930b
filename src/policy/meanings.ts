import type { ReasonCode } from './types.ts';

/**
 * What each reason code means, in one sentence that depends on nothing else. An image's bytes follow from its inputs, which hold
 * codes and not a plan's messages; so this is what `/licenses/manifest.json` says. A changed sentence changes images: raise
 * ASSEMBLER_FORMAT with it.
 */
export const REASON_MEANINGS: Readonly<Record<ReasonCode, string>> = {
  'license-permissive': 'The licence is on the list of those under which weights may be embedded.',
  'license-override': 'The catalog decides about the licence, with `override_spdx` or `permissive: true`.',
  'license-not-permissive':
    'The licence is not on the list of those under which weights may be embedded, or the catalog says `permissive: false`.',
  'license-unknown': 'What is declared does not say which licence it is, or the override cannot be used.',
  'license-missing': 'No licence is declared at this revision.',
  'lineage-unknown': 'The licence of a model that this one is made from could not be learnt.',
  'lineage-stricter': 'A model that this one is made from has a licence that is not on the list.',
  gated: 'Upstream gives access only to those who accept its conditions, or the catalog treats it so.',
  private: 'The repository cannot be read by the public.',
  disabled: 'The Hub has disabled the repository.',
  'not-found': 'The Hub does not have the repository or the revision.',
  'hub-unavailable': 'The Hub did not answer.',
  'unsafe-files': "The Hub's scanners or the files' own format speak against loading them.",
  'remote-code': 'Loading the model runs code that comes with it or from another repository.',
  'runtime-incompatible': 'The runtime cannot load what the repository has.',
  'too-large': 'The files are larger than an image may be.',
  'layer-too-large': 'A file is larger than a layer may be.',
  'too-many-layers': 'The files do not fit into the number of layers that container engines allow.',
};
