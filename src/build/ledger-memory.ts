import { ASSEMBLER_FORMAT } from '../image/inputs.ts';
import type { Database } from '../store/database.ts';
import { layerPlaces, noteLayerPlaces } from '../store/layer-places.ts';
import { findLayers, rememberLayer } from '../store/layers.ts';
import { notReproducible } from './not-reproducible.ts';
import type { LayerMemory } from './types.ts';

/** Layers written before, as the ledger knows them. */
export function ledgerMemory(db: Database): LayerMemory {
  const keyOf = (path: string, key: string) => ({ path, content: `layer:${key}`, format: ASSEMBLER_FORMAT });
  return {
    async find(key, path) {
      const [known] = await findLayers(db, [keyOf(path, key)]);
      return known === undefined ? null : { digest: known.layerDigest, size: known.size, files: known.files };
    },
    async remember(key, path, { digest, size, files }) {
      const same = await rememberLayer(db, { ...keyOf(path, key), layerDigest: digest, size, files });
      if (!same) throw notReproducible(path, digest);
    },
    places: (digest) => layerPlaces(db, digest),
    notePlaces: (digest, repositories) => noteLayerPlaces(db, digest, repositories),
  };
}
