import type { ModelFacts } from '../../huggingface/types.ts';
import { modelLicense, statementsDiffer } from '../../licensing/effective-license.ts';
import { judge } from '../../licensing/expression.ts';
import { demandingLicenses, dutiesOf, standingOf } from '../../licensing/whitelist.ts';
import { describeLicense } from '../describe-license.ts';
import { quote } from '../quote.ts';
import { allows, denies, factsOf, type Rule } from '../reason.ts';
import type { EffectiveLicense, LicenseClass, PolicyInput, Reason } from '../types.ts';

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
  const declared = modelLicense(facts);
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
        `\`permissive: true\` in the catalog decides; the Hub declares ${describeLicense(declared)}.`,
      ),
    ];
  }
  if (override === null) return [judgeDeclared(declared, facts, whitelist)];
  const shown = quote(override.text);
  return [
    override.kind === 'satisfied'
      ? allows('license-override', `\`override_spdx\` ${shown} decides; the Hub declares ${describeLicense(declared)}.`)
      : denies(
          'license-not-permissive',
          `\`override_spdx\` ${shown} is not satisfied by \`spdx_permissive_whitelist\`: extend the list if its duties are acceptable.`,
        ),
  ];
};

/** Whether the catalog's word stands in the place of the licence rules' own finding. */
export function isOverridden({ permissive, overrideSpdx, whitelist }: PolicyInput): boolean {
  const override = overrideSpdx === null ? null : judge(overrideSpdx, whitelist).kind;
  if (override === 'malformed' || permissive === false) return false;
  return permissive === true || override === 'satisfied';
}

function judgeDeclared(license: EffectiveLicense, facts: ModelFacts, whitelist: readonly string[]): Reason {
  const declares = `The Hub declares ${describeLicense(license)}`;
  switch (standingOf(license, whitelist)) {
    case 'missing': {
      const readme =
        facts.card.kind === 'none' ? '' : ', whatever README.md says, which the Hub has not taken for its metadata';
      return denies(
        'license-missing',
        `The Hub has no licence metadata for this revision${readme}: ask upstream for it, or ${IF_VERIFIED}.`,
      );
    }
    case 'unknown': {
      if (facts.card.kind === 'unreadable') {
        return denies(
          'license-unknown',
          `README.md may declare another licence than the Hub, but cannot be understood (${facts.card.why}): ask upstream, or ${IF_VERIFIED}.`,
        );
      }
      return denies('license-unknown', `${declares}, which says nothing certain: ${IF_VERIFIED}.`);
    }
    case 'family':
      return denies('license-unknown', `${declares}, without saying which member: ${IF_VERIFIED}.`);
    case 'permitted':
      return allows(
        'license-permissive',
        `${declares}, which \`spdx_permissive_whitelist\` satisfies${dutiesTold(license)}.`,
      );
    case 'not-permitted': {
      const conditions = license.class === null ? '' : ` (${CONDITIONS[license.class]})`;
      const differ = statementsDiffer(facts) ? ' README.md and the metadata differ, so both count.' : '';
      return denies(
        'license-not-permissive',
        `${declares}${conditions}, which \`spdx_permissive_whitelist\` does not satisfy: extend the list if its duties are acceptable, or ${IF_VERIFIED}.${differ}`,
      );
    }
  }
}

/** What a whitelisted licence asks for that is more than permissive. */
function dutiesTold({ spdx }: EffectiveLicense): string {
  const told = demandingLicenses(spdx ?? '').map((license) => `${license}: ${dutiesOf(license)}`);
  return told.length === 0 ? '' : `, and which binds whoever passes the image on (${told.join(' ')})`;
}
