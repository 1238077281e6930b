import type { Settings } from '../catalog/types.ts';
import { registryLayerLimit } from '../registry/strategy.ts';

/**
 * Bytes that a layer may have: the strictest of what the catalog and the registries say, mirrors included, so that an image has one
 * digest wherever it goes.
 *
 * @param repositories `host/repository` of every destination
 */
export function effectiveLayerLimit(
  { limits, mirrors, registries }: Pick<Settings, 'limits' | 'mirrors' | 'registries'>,
  repositories: readonly string[],
): number {
  const places = [...repositories, ...mirrors.flatMap((name) => registries[name] ?? [])];
  const own = places.map((place) => registryLayerLimit((place.split('/', 1)[0] ?? '').toLowerCase()));
  return Math.min(limits.layerMaxBytes, ...own.filter((limit) => limit !== null));
}
