import { denies, factsOf, type Rule } from '../reason.ts';

/** Weights behind an agreement are never redistributed. The stricter of Hub and catalog counts. */
export const gating: Rule = (input) => {
  const gated = factsOf(input)?.gated ?? false;
  if (gated !== false) {
    const ignored = input.gated === false ? '; `gated: false` in the catalog does not change that' : '';
    return [
      denies(
        'gated',
        `${input.id} is gated on the Hub (${gated}), so its weights are not put into an image${ignored}: use slim with HF_TOKEN.`,
      ),
    ];
  }
  if (input.gated !== true) return [];
  return [denies('gated', 'The catalog says `gated: true`: change it to `auto` to have the Hub asked.')];
};
