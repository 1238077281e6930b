import type { HubFile } from '../huggingface/types.ts';
import { contentHash } from '../huggingface/verify.ts';
import type { LayerSource, PlannedLayer } from '../image/layer-plan.ts';
import { TAR_END, tarHeader, tarPadding } from '../image/tar.ts';
import type { ReadBackShards } from './read-back-shards.ts';

/**
 * Holds a layer's bytes against what they have to be: exactly the planned entries, framed as we frame them, each file with its size and
 * hash, and nothing else.
 *
 * @param chunks of the whole layer
 * @param shards judges the shards in it, which are proven only together with those of other layers
 * @returns why it is not that layer; null when it is
 */
export async function layerMismatch(
  layer: PlannedLayer,
  chunks: AsyncIterable<Uint8Array>,
  shards: ReadBackShards,
): Promise<string | null> {
  const expected = expectations(layer, shards);
  let current = expected.next();
  let at = 0;
  for await (const chunk of chunks) {
    for (let rest = chunk; rest.byteLength > 0; ) {
      if (current.done === true) return 'it goes on after its end';
      const part = current.value;
      const taken = rest.subarray(0, part.size - at);
      if (!part.take(taken, at)) return `${part.what} is another`;
      at += taken.byteLength;
      rest = rest.subarray(taken.byteLength);
      if (at < part.size) continue;
      const wrong = part.end();
      if (wrong !== null) return wrong;
      current = expected.next();
      at = 0;
    }
  }
  return current.done === true ? null : `it ends before ${current.value.what}`;
}

/** What a run of bytes has to be. */
export interface Expectation {
  what: string;
  size: number;
  /** Whether these bytes, at this offset, can be right. */
  take(bytes: Uint8Array, at: number): boolean;
  /** What is wrong once all have been taken. */
  end(): string | null;
}

function* expectations(layer: PlannedLayer, shards: ReadBackShards): Generator<Expectation, undefined> {
  for (const { entry, source } of layer.entries) {
    yield exactly(`the header of ${entry.path}`, tarHeader(entry));
    if (entry.size > 0) yield contentOf(entry.path, source, shards);
    const padding = tarPadding(entry.size);
    if (padding.length > 0) yield exactly(`the padding of ${entry.path}`, padding);
  }
  yield exactly('the end of the archive', TAR_END);
}

function contentOf(path: string, source: LayerSource, shards: ReadBackShards): Expectation {
  switch (source.kind) {
    case 'directory':
      return exactly(path, new Uint8Array());
    case 'file':
      return hashed(path, source.file);
    case 'made':
      return exactly(path, source.content);
    case 'part':
      return shards.expectation(source.split, source.index);
  }
}

function exactly(what: string, bytes: Uint8Array): Expectation {
  return {
    what,
    size: bytes.byteLength,
    take: (taken, at) => Buffer.compare(taken, bytes.subarray(at, at + taken.byteLength)) === 0,
    end: () => null,
  };
}

function hashed(path: string, file: HubFile): Expectation {
  const hash = contentHash(file);
  return {
    what: path,
    size: file.size,
    take(bytes) {
      hash.update(bytes);
      return true;
    },
    end: () =>
      hash.digest('hex') === (file.sha256 ?? file.oid) ? null : `${path} in it has other bytes than the Hub's file`,
  };
}
