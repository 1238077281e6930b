import { PublisherError } from '../errors.ts';
import { byteOrder } from '../image/file-list.ts';
import { sha256Hex } from '../image/hash.ts';
import { licensesIn } from './expression.ts';
import { allLegalFiles, type LegalFiles, legalFilesProblem, legalImagePaths } from './legal-files.ts';
import { type FileOrigin, INFRASTRUCTURE_LICENSE, type LicenseFacts, licenseManifest } from './license-manifest.ts';
import { suppliedLicense, withNewline } from './supplied-license.ts';

export interface LicenseLayerInput {
  facts: LicenseFacts;
  /** Upstream's legal files that were read, and their bytes by path. */
  legal: LegalFiles;
  texts: ReadonlyMap<string, Uint8Array>;
  /** Paths of upstream's legal files that a gate hides. */
  unreadable: readonly string[];
  /** SPDX id → canonical text, for {@link canonicalIds} as far as SPDX has them. */
  canonical: ReadonlyMap<string, string>;
}

export interface LicenseFile {
  /** Absolute in the image. */
  path: string;
  content: Uint8Array;
}

type TracedFile = LicenseFile & { origin: Pick<FileOrigin, 'source' | 'from' | 'note'> };

const MANIFEST = '/licenses/manifest.json';
const MODEL = '/licenses/model';

/** The SPDX ids whose canonical texts a layer may need. */
export function canonicalIds(spdx: string | null): string[] {
  return [...new Set([INFRASTRUCTURE_LICENSE, ...(spdx === null ? [] : licensesIn(spdx))])];
}

/**
 * The files of `/licenses`, in order of path: `CC0` for what the publisher made; `model/` with upstream's legal files, byte for byte
 * under their own names; `model/LICENSE` and `model/NOTICE` too where upstream calls them otherwise; a `model/LICENSE` of canonical
 * texts where upstream has none (and saying so); and `manifest.json`. Same input, same bytes.
 *
 * @throws PublisherError `denied` for legal files that cannot be placed, `internal` for missing input
 */
export function licenseLayerFiles(input: LicenseLayerInput): LicenseFile[] {
  const problem = legalFilesProblem(input.legal);
  if (problem !== null) throw new PublisherError('denied', problem);
  const files = [
    infrastructure(input),
    ...upstream(input),
    ...(input.legal.license === null ? [supplied(input)] : []),
  ].sort((a, b) => byteOrder(a.path, b.path));
  const origins = files.map(({ path, content, origin }): FileOrigin => {
    const { source, from, note } = origin;
    return { path, source, from, sha256: sha256Hex(content), ...(note === undefined ? {} : { note }) };
  });
  const manifest = licenseManifest(input.facts, origins, input.unreadable);
  return [...files.map(({ path, content }) => ({ path, content })), { path: MANIFEST, content: encode(manifest) }].sort(
    (a, b) => byteOrder(a.path, b.path),
  );
}

function upstream({ legal, texts }: LicenseLayerInput): TracedFile[] {
  return allLegalFiles(legal).flatMap((file) => {
    const content = texts.get(file.path);
    if (content === undefined) throw new PublisherError('internal', `The legal file ${file.path} was not read.`);
    const paths = legalImagePaths(legal, file).map((path) => `${MODEL}/${path}`);
    const own = paths.at(-1);
    return paths.map((path): TracedFile => {
      const origin = { source: 'upstream' as const, from: [file.path] };
      return { path, content, origin: path === own ? origin : { ...origin, note: `the same as ${own}` } };
    });
  });
}

function infrastructure({ canonical }: LicenseLayerInput): TracedFile {
  const text = canonical.get(INFRASTRUCTURE_LICENSE);
  if (text === undefined) {
    throw new PublisherError('environment', `licenses/texts/${INFRASTRUCTURE_LICENSE}.txt is missing: restore it.`);
  }
  return {
    path: '/licenses/CC0',
    content: encode(withNewline(text)),
    origin: {
      source: 'publisher',
      from: [INFRASTRUCTURE_LICENSE],
      note: 'for the scripts and metadata that the publisher added, not for the model',
    },
  };
}

function supplied({ facts, unreadable, canonical }: LicenseLayerInput): TracedFile {
  const { model, revision, license } = facts;
  const { text, from, note } = suppliedLicense({ model, revision, license, gated: unreadable.length > 0, canonical });
  return { path: `${MODEL}/LICENSE`, content: encode(text), origin: { source: 'publisher', from, note } };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
