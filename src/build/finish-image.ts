import { createdOf, imageLabels } from '../image/labels.ts';
import { imageIndex } from '../image/manifest.ts';
import type { BaseLicense } from '../licensing/base-licenses.ts';
import { OCI_INDEX } from '../registry/media-types.ts';
import type { Descriptor } from '../registry/types.ts';
import type { AssembleContext } from './assemble.ts';
import type { BasePlatform } from './base.ts';
import type { Transfer } from './transfer.ts';
import type { BuildRequest, BuiltImage } from './types.ts';

export interface Finished {
  /** One a platform, pushed. */
  manifests: readonly Descriptor[];
  bases: readonly BasePlatform[];
  licenses: readonly BaseLicense[];
  /** Bytes of the weight layers' content. */
  weights: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** Pushes the index over all platforms, to which everything it refers is there already, and tells how the build went. */
export async function finishImage(
  { inputs, key, lastModified }: BuildRequest,
  { manifests, bases, licenses, weights, startedAt }: Finished,
  { targets, clock }: Pick<AssembleContext, 'targets' | 'clock'>,
  transfer: Transfer,
): Promise<BuiltImage> {
  const created = bases.reduce((time, { config }) => createdOf(time, config.created ?? null), lastModified);
  const labels = imageLabels(inputs, { key, base: null, licenses, created });
  const { digest } = await transfer.manifest(imageIndex([...manifests], labels), OCI_INDEX);
  const references = targets.map((target) => `${target.name}@${digest}`);
  return {
    variant: inputs.variant,
    runtime: inputs.runtime,
    reference: references[0] ?? '',
    references,
    digest,
    revision: inputs.revision,
    bytes: { weights, uploaded: transfer.uploaded, reused: transfer.reused },
    durationMs: clock.now() - startedAt,
    notes: transfer.notes,
  };
}
