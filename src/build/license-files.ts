import type { Hub } from '../huggingface/types.ts';
import { harvestLicenses } from '../licensing/harvest.ts';
import type { LicenseFile } from '../licensing/license-layer.ts';
import type { BuildRequest, Resharded } from './types.ts';

/** The files of `/licenses` for a build request. @throws PublisherError download codes, `denied` */
export function licenseFiles(
  { inputs, hubId, legal, unreadable, resharded = [] }: BuildRequest & { resharded?: Resharded[] },
  hub: Pick<Hub, 'read'>,
  signal?: AbortSignal,
): Promise<LicenseFile[]> {
  const model = { id: inputs.model, revision: inputs.revision };
  return harvestLicenses({ model, hubId, license: inputs.license, legal, unreadable, resharded }, hub, { signal });
}
