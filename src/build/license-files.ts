import type { Hub } from '../huggingface/types.ts';
import type { BaseLicense } from '../licensing/base-licenses.ts';
import { harvestLicenses } from '../licensing/harvest.ts';
import type { LicenseFile } from '../licensing/license-layer.ts';
import type { BuildRequest, Resharded } from './types.ts';

/**
 * The files of `/licenses` for a build request.
 *
 * @param baseLicenses of its base image, over all platforms
 * @throws PublisherError download codes, `denied`
 */
export function licenseFiles(
  { inputs, hubId, legal, unreadable, resharded = [] }: BuildRequest & { resharded?: Resharded[] },
  baseLicenses: readonly BaseLicense[],
  hub: Pick<Hub, 'read'>,
  signal?: AbortSignal,
): Promise<LicenseFile[]> {
  return harvestLicenses({ facts: { ...inputs, baseLicenses, resharded }, hubId, legal, unreadable }, hub, { signal });
}
