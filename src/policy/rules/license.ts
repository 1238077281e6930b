import { effectiveLicense } from '../../licensing/effective-license.ts';
import { judge } from '../../licensing/expression.ts';
import { quote } from '../quote.ts';
import { allows, denies, factsOf, type Rule } from '../reason.ts';
import type { EffectiveLicense, LicenseClass, Reason } from '../types.ts';

const CONDITIONS: Record<LicenseClass, string> = {
  permissive: 'permissive, but not on the list',
  copyleft: 'copyleft',
  review: 'a licence to be read first',
  'rail-conditions': 'with conditions of use',
  'noncommercial-or-research': 'for non-commercial use or research only',
  'verbatim-only': 'for unmodified copies only',
  'community-conditions': 'a community licence with conditions',
  'ambiguous-family': 'a family of licences',
  unknown: 'not explained',
};

const IF_VERIFIED = 'set `override_spdx` if you have verified which licence applies';

/**
 * The licence alone: exactly one reason. In order of authority: a malformed override (never permits, whatever else is set),
 * `permissive` true or false, `override_spdx`, the Hub's declaration.
 */
export const license: Rule = (input) => {
  const { permissive, overrideSpdx, whitelist } = input;
  const facts = factsOf(input);
  if (facts === null) return [];
  const declared = effectiveLicense(facts.license);
  const override = overrideSpdx === null ? null : judge(overrideSpdx, whitelist);
  if (override?.kind === 'malformed') {
    return [denies('license-unknown', `\`override_spdx\` cannot be used, so it permits nothing: ${override.problem}`)];
  }
  if (permissive === false) {
    return [
      denies(
        'license-not-permissive',
        'The catalog says `permissive: false`: change it to `auto` to have the licence judged.',
      ),
    ];
  }
  if (permissive === true) {
    return [
      allows(
        'license-override',
        `\`permissive: true\` in the catalog decides; the Hub declares ${describe(declared)}.`,
      ),
    ];
  }
  if (override === null) return [judgeDeclared(declared, whitelist)];
  const shown = quote(override.text);
  return [
    override.kind === 'satisfied'
      ? allows('license-override', `\`override_spdx\` ${shown} decides; the Hub declares ${describe(declared)}.`)
      : denies(
          'license-not-permissive',
          `\`override_spdx\` ${shown} is not satisfied by \`spdx_permissive_whitelist\`: extend the list if its duties are acceptable.`,
        ),
  ];
};

function judgeDeclared(license: EffectiveLicense, whitelist: readonly string[]): Reason {
  if (license.spdx === null || license.class === null) {
    return denies(
      'license-missing',
      `The Hub has no licence metadata for this revision: ask upstream for it, or ${IF_VERIFIED}.`,
    );
  }
  if (license.class === 'unknown') {
    return denies(
      'license-unknown',
      `The Hub declares ${describe(license)}, which says nothing certain: ${IF_VERIFIED}.`,
    );
  }
  if (license.class === 'ambiguous-family') {
    return denies(
      'license-unknown',
      `The Hub declares ${describe(license)}, without saying which member: ${IF_VERIFIED}.`,
    );
  }
  if (judge(license.spdx, whitelist).kind === 'satisfied') {
    return allows(
      'license-permissive',
      `The Hub declares ${describe(license)}, which \`spdx_permissive_whitelist\` satisfies.`,
    );
  }
  return denies(
    'license-not-permissive',
    `The Hub declares ${describe(license)} (${CONDITIONS[license.class]}), which \`spdx_permissive_whitelist\` does not satisfy: extend the list if its duties are acceptable, or ${IF_VERIFIED}.`,
  );
}

function describe({ declared, spdx }: EffectiveLicense): string {
  if (declared === null || spdx === null) return 'no licence';
  return declared === spdx ? quote(declared) : `${quote(declared)} (${quote(spdx).slice(1, -1)})`;
}
