import { PublisherError } from '../errors.ts';
import type { Hub, ModelAt } from '../huggingface/types.ts';
import type { LayerSource, PlannedLayer } from '../image/layer-plan.ts';
import type { SplitFile } from '../image/safetensors/types.ts';
import { TAR_END, type TarEntry, tarArchive, tarHeader, tarPadding } from '../image/tar.ts';
import { blobOf } from '../registry/content.ts';
import { OCI_LAYER } from '../registry/media-types.ts';
import type { BlobContent, Digest } from '../registry/types.ts';
import { knownPart } from './split-source.ts';

/** Opens a shard of a split file; another layer may hold the file's other shards. */
export type OpenPart = (split: SplitFile, index: number, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/**
 * A planned layer as it streams: tar framing around files that come straight from the Hub, each verified against its size and
 * hash as it passes, or around shards, whose verification is `openPart`'s. Nothing touches the disk and at most one chunk is held.
 */
export function hubLayer(
  layer: PlannedLayer,
  hub: Hub,
  model: ModelAt,
  digest: Digest | null,
  openPart: OpenPart = (split, index, signal) => knownPart(split, index, hub, model, signal),
): BlobContent {
  const open = (source: LayerSource, signal: AbortSignal): AsyncIterable<Uint8Array> | Iterable<Uint8Array> => {
    switch (source.kind) {
      case 'directory':
        return [];
      case 'made':
        return source.content.length > 0 ? [source.content] : [];
      case 'file':
        return hub.download(model, source.file, { signal });
      case 'part':
        return openPart(source.split, source.index, signal);
    }
  };
  return {
    mediaType: OCI_LAYER,
    size: layer.size,
    digest,
    open: (signal) => frame(layer, (source) => open(source, signal)),
  };
}

/** A layer of small files at hand. Entries are framed in the order of their paths. */
export function memoryLayer(files: { entry: TarEntry; content: Uint8Array }[]): BlobContent & { digest: Digest } {
  const sorted = [...files].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  return blobOf(tarArchive(sorted), OCI_LAYER);
}

async function* frame(
  layer: PlannedLayer,
  open: (source: LayerSource) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const { entry, source } of layer.entries) {
    yield tarHeader(entry);
    let sent = 0;
    for await (const chunk of open(source)) {
      sent += chunk.length;
      yield chunk;
    }
    // The Hub client verifies this too; a tar whose content disagrees with its header would corrupt all that follows.
    if (sent !== entry.size) {
      throw new PublisherError('download-truncated', `${nameOf(entry, source)}: got ${sent} of ${entry.size} bytes.`);
    }
    const padding = tarPadding(entry.size);
    if (padding.length > 0) yield padding;
  }
  yield TAR_END;
}

function nameOf(entry: TarEntry, source: LayerSource): string {
  return source.kind === 'file' ? source.file.path : entry.path;
}
