import { PublisherError } from '../errors.ts';
import { byteOrder } from '../image/file-list.ts';
import { sha256Hex } from '../image/hash.ts';
import { licensesIn } from './expression.ts';
import { allLegalFiles, type LegalFiles, legalFilesProblem, legalImagePath } from './legal-files.ts';

/** What the publisher adds around a model is under this licence, whatever the model's own is. */
const INFRASTRUCTURE_LICENSE = 'CC0-1.0';

export interface LicenseLayerInput {
  model: { id: string; revision: string };
  /** `spdx` is the effective licence: the override's, where one decides. */
  license: { declared: string | null; spdx: string | null };
  /** Upstream's legal files that were read, and their bytes by path. */
  legal: LegalFiles;
  texts: ReadonlyMap<string, Uint8Array>;
  /** Paths of upstream's legal files that a gate hides. */
  unreadable: readonly string[];
  /** SPDX id → canonical text, for {@link canonicalIds} as far as SPDX has them. */
  canonical: ReadonlyMap<string, string>;
  /** Files of the model that the image holds as several: a modification, if only of form, so it is said. */
  resharded?: readonly { path: string; sha256: string | null; parts: readonly string[] }[];
}

export interface LicenseFile {
  /** Absolute in the image. */
  path: string;
  content: Uint8Array;
}

/** One file of `/licenses` in the manifest. */
interface Origin {
  path: string;
  source: 'upstream' | 'publisher';
  /** Upstream's path, or the SPDX ids whose texts it holds. */
  from: string[];
  sha256: string;
  /** What a reader should know about it. */
  note?: string;
}

/** The SPDX ids whose canonical texts a layer may need. */
export function canonicalIds(spdx: string | null): string[] {
  return [...new Set([INFRASTRUCTURE_LICENSE, ...(spdx === null ? [] : licensesIn(spdx))])];
}

/**
 * The files of `/licenses`, in order of path: `CC0` for what the publisher made; `model/LICENSE` with upstream's bytes, or with the
 * canonical texts when upstream has none (and saying so); `model/NOTICE` and further legal files when upstream has them; and
 * `manifest.json`, which tells where each came from. Same input, same bytes.
 *
 * @throws PublisherError `denied` for legal files that cannot be placed, `internal` for missing input
 */
export function licenseLayerFiles(input: LicenseLayerInput): LicenseFile[] {
  const problem = legalFilesProblem(input.legal);
  if (problem !== null) throw new PublisherError('denied', problem);
  const files: { path: string; content: Uint8Array; origin: Omit<Origin, 'path' | 'sha256'> }[] = [
    infrastructure(input),
    ...allLegalFiles(input.legal).map((file) => {
      const content = input.texts.get(file.path);
      if (content === undefined) throw new PublisherError('internal', `The legal file ${file.path} was not read.`);
      const path = `/licenses/model/${legalImagePath(input.legal, file)}`;
      return { path, content, origin: { source: 'upstream' as const, from: [file.path] } };
    }),
    ...(input.legal.license === null ? [supplied(input)] : []),
  ].sort((a, b) => byteOrder(a.path, b.path));
  const manifest = {
    schemaVersion: 1,
    model: input.model.id,
    revision: input.model.revision,
    license: { declared: input.license.declared, effective: input.license.spdx },
    infrastructure: INFRASTRUCTURE_LICENSE,
    files: files.map(({ path, content, origin }): Origin => ({ path, ...origin, sha256: sha256Hex(content) })),
    notReadable: [...input.unreadable].sort(byteOrder).map((path) => ({ path, reason: 'not readable, gated' })),
    ...((input.resharded ?? []).length === 0 ? {} : { resharded: input.resharded }),
  };
  return [
    ...files.map(({ path, content }) => ({ path, content })),
    { path: '/licenses/manifest.json', content: encode(`${JSON.stringify(manifest, null, 2)}\n`) },
  ].sort((a, b) => byteOrder(a.path, b.path));
}

function infrastructure({ canonical }: LicenseLayerInput) {
  const text = canonical.get(INFRASTRUCTURE_LICENSE);
  if (text === undefined) {
    throw new PublisherError('environment', `licenses/texts/${INFRASTRUCTURE_LICENSE}.txt is missing: restore it.`);
  }
  return {
    path: '/licenses/CC0',
    content: encode(withNewline(text)),
    origin: {
      source: 'publisher' as const,
      from: [INFRASTRUCTURE_LICENSE],
      note: 'for the scripts and metadata that the publisher added, not for the model',
    },
  };
}

/** A LICENSE for a model whose repository shows none: honest about who put it there and what is not known. */
function supplied({ model, license, unreadable, canonical }: LicenseLayerInput) {
  const ids = license.spdx === null ? [] : licensesIn(license.spdx);
  const held = ids.filter((id) => canonical.has(id));
  const lacking = ids.filter((id) => !canonical.has(id));
  const why =
    unreadable.length > 0
      ? "Upstream's own legal files are not readable here, because the repository is gated."
      : 'The repository holds no licence file of its own.';
  const head = [
    `supplied by the publisher; copyright holder not stated upstream; ${model.id}@${model.revision}`,
    '',
    why,
    `Licence declared upstream: ${printable(license.declared ?? 'none')}`,
    `As an SPDX expression: ${license.spdx ?? 'none'}`,
    `Upstream: https://huggingface.co/${model.id}/tree/${model.revision}`,
    ...lacking.map((id) => `The text of ${id} was not available to the publisher: read it upstream.`),
    ...(ids.length === 0 ? ['No licence text can be given: ask upstream for the terms.'] : []),
    '',
  ].join('\n');
  const body = held.map((id) => `${RULE}\n${id}\n${RULE}\n\n${withNewline(canonical.get(id) ?? '')}`);
  return {
    path: '/licenses/model/LICENSE',
    content: encode([head, ...body].join('\n')),
    origin: {
      source: 'publisher' as const,
      from: held,
      note:
        held.length > 0 && lacking.length === 0
          ? 'canonical SPDX text; upstream supplied none'
          : `text not available: ${lacking.join(', ') || 'no licence declared'}`,
    },
  };
}

const RULE = '-'.repeat(72);

/** A declaration comes from the Hub as free text; in a text file it stays on its line. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ');
}

function withNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
