import type { LayerMemory, RememberedLayer } from '../../../src/build/types.ts';
import type { Digest } from '../../../src/registry/types.ts';

/** What the ledger would hold, for as long as a test has it. */
export class LayersInMemory implements LayerMemory {
  readonly known = new Map<string, RememberedLayer>();
  readonly noted = new Map<Digest, string[]>();

  async find(key: string): Promise<RememberedLayer | null> {
    return this.known.get(key) ?? null;
  }

  async remember(key: string, _path: string, layer: RememberedLayer): Promise<void> {
    this.known.set(key, layer);
  }

  async places(digest: Digest): Promise<string[]> {
    return this.noted.get(digest) ?? [];
  }

  async notePlaces(digest: Digest, names: readonly string[]): Promise<void> {
    this.noted.set(digest, [...names, ...(this.noted.get(digest) ?? [])]);
  }
}
