import { PublisherError } from '../errors.ts';
import type { Hub, HubFile } from '../huggingface/types.ts';
import { allLegalFiles, legalFiles, legalFilesProblem, MAX_LEGAL_FILE_BYTES } from './legal-files.ts';
import { canonicalIds, type LicenseFile, licenseLayerFiles } from './license-layer.ts';
import type { LicenseFacts } from './license-manifest.ts';
import { canonicalText } from './texts.ts';

export interface HarvestRequest {
  facts: LicenseFacts;
  /** As the Hub names the model now. */
  hubId: string;
  /** Legal files to read; empty when a gate hides them. */
  legal: readonly HubFile[];
  /** Paths of those that a gate hides. */
  unreadable: readonly string[];
}

/**
 * The files of `/licenses` for a model: reads its legal files from the Hub, verified, and takes canonical texts from this package.
 *
 * @throws PublisherError `denied` for legal files over the limits, and the Hub's download codes
 */
export async function harvestLicenses(
  request: HarvestRequest,
  hub: Pick<Hub, 'read'>,
  options: { signal?: AbortSignal; directory?: URL } = {},
): Promise<LicenseFile[]> {
  const { facts, unreadable } = request;
  const legal = legalFiles(request.legal, facts.license.link);
  const problem = legalFilesProblem(legal);
  if (problem !== null) throw new PublisherError('denied', problem);
  const at = { id: request.hubId, revision: facts.revision };
  const texts = new Map<string, Uint8Array>();
  for (const file of allLegalFiles(legal)) {
    texts.set(file.path, await hub.read(at, file, MAX_LEGAL_FILE_BYTES, { signal: options.signal }));
  }
  const canonical = new Map<string, string>();
  for (const id of canonicalIds(facts.license.spdx)) {
    const text = await canonicalText(id, options.directory);
    if (text !== null) canonical.set(id, text);
  }
  return licenseLayerFiles({ facts, legal, texts, unreadable, canonical });
}
