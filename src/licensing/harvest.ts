import { PublisherError } from '../errors.ts';
import type { Hub, HubFile, ModelAt } from '../huggingface/types.ts';
import { allLegalFiles, legalFiles, legalFilesProblem, MAX_LEGAL_FILE_BYTES } from './legal-files.ts';
import { canonicalIds, type LicenseFile, type LicenseLayerInput, licenseLayerFiles } from './license-layer.ts';
import { canonicalText } from './texts.ts';

export interface HarvestRequest {
  /** As the catalog names it. */
  model: ModelAt;
  /** As the Hub names it now. */
  hubId: string;
  license: { declared: string | null; spdx: string | null };
  /** Legal files to read; empty when a gate hides them. */
  legal: readonly HubFile[];
  /** Paths of those that a gate hides. */
  unreadable: readonly string[];
  /** Files that the image holds as several. */
  resharded?: LicenseLayerInput['resharded'];
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
  const legal = legalFiles(request.legal);
  const problem = legalFilesProblem(legal);
  if (problem !== null) throw new PublisherError('denied', problem);
  const at = { id: request.hubId, revision: request.model.revision };
  const texts = new Map<string, Uint8Array>();
  for (const file of allLegalFiles(legal)) {
    texts.set(file.path, await hub.read(at, file, MAX_LEGAL_FILE_BYTES, { signal: options.signal }));
  }
  const canonical = new Map<string, string>();
  for (const id of canonicalIds(request.license.spdx)) {
    const text = await canonicalText(id, options.directory);
    if (text !== null) canonical.set(id, text);
  }
  const { model, license, unreadable, resharded } = request;
  return licenseLayerFiles({ model, license, legal, texts, unreadable, canonical, resharded });
}
