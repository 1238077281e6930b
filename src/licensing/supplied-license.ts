import { licensesIn } from './expression.ts';

/** A LICENSE that the publisher has to supply, because upstream shows none. */
export interface SuppliedLicense {
  text: string;
  /** SPDX ids of the texts in it. */
  from: string[];
  note: string;
}

export interface SuppliedLicenseInput {
  model: string;
  revision: string;
  license: { declared: string | null; spdx: string | null; link: string | null };
  /** Whether a gate hides legal files that upstream has. */
  gated: boolean;
  /** SPDX id → canonical text, as far as there are any. */
  canonical: ReadonlyMap<string, string>;
}

const RULE = '-'.repeat(72);

/**
 * Canonical texts under a head that is honest about who put them there and what is not known: the texts of MIT and BSD hold
 * placeholders for a copyright holder that nobody has named.
 */
export function suppliedLicense({ model, revision, license, gated, canonical }: SuppliedLicenseInput): SuppliedLicense {
  const ids = license.spdx === null ? [] : licensesIn(license.spdx);
  const held = ids.filter((id) => canonical.has(id));
  const lacking = ids.filter((id) => !canonical.has(id));
  const head = [
    `supplied by the publisher; copyright holder not stated upstream; ${model}@${revision}`,
    '',
    gated
      ? "Upstream's own legal files are not readable here, because the repository is gated."
      : 'The repository holds no licence file of its own.',
    `Licence declared upstream: ${onItsLine(license.declared ?? 'none')}`,
    `As an SPDX expression: ${license.spdx ?? 'none'}`,
    ...(license.link === null ? [] : [`Link given upstream, not followed: ${onItsLine(license.link)}`]),
    `Upstream: https://huggingface.co/${model}/tree/${revision}`,
    ...lacking.map((id) => `The text of ${id} was not available to the publisher: read it upstream.`),
    ...(ids.length === 0 ? ['No licence text can be given: ask upstream for the terms.'] : []),
    '',
  ].join('\n');
  const body = held.map((id) => `${RULE}\n${id}\n${RULE}\n\n${withNewline(canonical.get(id) ?? '')}`);
  return {
    text: [head, ...body].join('\n'),
    from: held,
    note:
      held.length > 0 && lacking.length === 0
        ? 'canonical SPDX text; upstream supplied none'
        : `text not available: ${lacking.join(', ') || 'no licence declared'}`,
  };
}

/** A declaration comes from the Hub as free text; in a text file it stays on its line. */
function onItsLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

export function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
