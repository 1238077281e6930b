import { PublisherError } from '../errors.ts';
import type { Hub, HubFile, ModelAt } from '../huggingface/types.ts';
import type { PlannedLayer } from '../image/layer-plan.ts';
import { TAR_END, type TarEntry, tarArchive, tarHeader, tarPadding } from '../image/tar.ts';
import { blobOf } from '../registry/content.ts';
import { OCI_LAYER } from '../registry/media-types.ts';
import type { BlobContent, Digest } from '../registry/types.ts';

/**
 * A planned layer as it streams: tar framing around files that come straight from the Hub, each verified against its size and
 * hash as it passes. Nothing touches the disk and at most one chunk is held.
 */
export function hubLayer(layer: PlannedLayer, hub: Hub, model: ModelAt, digest: Digest | null): BlobContent {
  return {
    mediaType: OCI_LAYER,
    size: layer.size,
    digest,
    open: (signal) => frame(layer, (file) => hub.download(model, file, { signal })),
  };
}

/** A layer of small files at hand. Entries are framed in the order of their paths. */
export function memoryLayer(files: { entry: TarEntry; content: Uint8Array }[]): BlobContent & { digest: Digest } {
  const sorted = [...files].sort((a, b) => (a.entry.path < b.entry.path ? -1 : 1));
  return blobOf(tarArchive(sorted), OCI_LAYER);
}

async function* frame(
  layer: PlannedLayer,
  open: (file: HubFile) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const { entry, file } of layer.entries) {
    yield tarHeader(entry);
    if (file === null) continue;
    let sent = 0;
    for await (const chunk of open(file)) {
      sent += chunk.length;
      yield chunk;
    }
    // The Hub client verifies this too; a tar whose content disagrees with its header would corrupt all that follows.
    if (sent !== entry.size) {
      throw new PublisherError('download-truncated', `${file.path}: got ${sent} of ${entry.size} bytes.`);
    }
    const padding = tarPadding(entry.size);
    if (padding.length > 0) yield padding;
  }
  yield TAR_END;
}
