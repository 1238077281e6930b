import { formatBytes } from '../../report/numbers.ts';
import type { SmokeRequest } from './types.ts';

/** Bytes of weights that an image may have to be fetched into the engine for this: slim ones have none. */
export const SMOKE_MAX_WEIGHTS = 2e9;

/** Why an image is not run on an engine of this platform (`linux/amd64`); null when it can be. */
export function whyNot(
  { platforms, weights, pull }: Pick<SmokeRequest, 'platforms' | 'weights' | 'pull'>,
  enginePlatform: string,
): string | null {
  const fits = platforms.some((platform) => platform === enginePlatform || platform.startsWith(`${enginePlatform}/`));
  if (!fits) return `the image is for ${platforms.join(', ')}, the container engine here runs ${enginePlatform}`;
  if (pull && weights > SMOKE_MAX_WEIGHTS) {
    return `${formatBytes(weights)} of weights would have to be fetched, more than ${formatBytes(SMOKE_MAX_WEIGHTS)}`;
  }
  return null;
}
