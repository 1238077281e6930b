import { PublisherError } from '../../errors.ts';
import type { SmokeResult } from './types.ts';

/** What a failed smoke run is: no image to publish. */
export function smokeFailure({ reason }: SmokeResult): PublisherError {
  return new PublisherError('image-invalid', `The image was built, but failed its smoke run. ${reason ?? ''}`.trim());
}
