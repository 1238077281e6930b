import type { Hub, HubFile, ModelAt } from '../../huggingface/types.ts';
import { contentHash } from '../../huggingface/verify.ts';
import { headSize, LENGTH_BYTES } from '../../image/safetensors/header.ts';
import type { Descriptor, ImageSource } from '../../registry/types.ts';
import type { LicenseList, OwnAccount } from './image-facts.ts';
import { eachChunk, type FoundFile } from './layer-files.ts';
import { TarScanner } from './tar-scanner.ts';

export interface SplitContext {
  source: Pick<ImageSource, 'blob'>;
  hub: Pick<Hub, 'range'>;
  model: ModelAt;
  signal: AbortSignal;
}

/**
 * Files that the image holds as shards: the original's head, read from the Hub, and the data of all shards in order have to come to the hash
 * that the Hub lists. Each shard is read once more for that.
 */
export async function splitProblems(
  context: SplitContext,
  files: ReadonlyMap<string, FoundFile>,
  { folder }: OwnAccount,
  { resharded }: LicenseList,
  listing: readonly HubFile[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const { path, parts } of resharded) {
    const file = listing.find((each) => each.path === path);
    // Told elsewhere.
    if (file === undefined) continue;
    const hash = contentHash(file).update(await headOf(context, file));
    for (const part of parts) {
      const found = files.get(`${folder}/${part}`);
      if (found?.type !== 'file') problems.push(`${part} is not in the layers`);
      else await dataOf(context, found.layer, `${folder}/${part}`, found.size, (bytes) => hash.update(bytes));
    }
    if (hash.digest('hex') !== (file.sha256 ?? file.oid)) {
      problems.push(`the shards of ${path} together have other bytes than the Hub's file`);
    }
  }
  return problems;
}

async function headOf({ hub, model, signal }: SplitContext, file: HubFile): Promise<Uint8Array> {
  const read = async (end: number) => Buffer.concat(await Array.fromAsync(hub.range(model, file, 0, end, { signal })));
  const size = headSize(await read(LENGTH_BYTES), file.size);
  return size.ok ? read(size.value) : new Uint8Array();
}

/** What follows the head of a shard. */
async function dataOf(
  { source, signal }: SplitContext,
  layer: Descriptor,
  path: string,
  size: number,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  const scanner = new TarScanner((entry) => (entry.path === path ? afterHead(size, take) : null));
  await eachChunk(source, layer, signal, (chunk) => scanner.push(chunk));
}

function afterHead(size: number, take: (bytes: Uint8Array) => void) {
  let start = Buffer.alloc(0);
  let left: number | null = null;
  return {
    data(bytes: Uint8Array) {
      let rest = bytes;
      if (left === null) {
        start = Buffer.concat([start, rest]);
        const head = headSize(start, size);
        if (start.length < LENGTH_BYTES || !head.ok) return;
        left = head.value;
        rest = start;
      }
      const skipped = Math.min(left, rest.byteLength);
      left -= skipped;
      if (rest.byteLength > skipped) take(rest.subarray(skipped));
    },
    end() {},
  };
}
