import { LENGTH_BYTES } from './header.ts';
import type { SafetensorsHeader, Tensor } from './types.ts';

const encoder = new TextEncoder();
/** The data of every file begins at a multiple of this. */
const ALIGNMENT = 8;

/** One member of a header with its comma, for a part whose data begins `origin` bytes into the original's. */
function member({ name, dtype, shape, begin, end }: Tensor, origin: number): string {
  const offsets = `[${begin - origin},${end - origin}]`;
  return `${JSON.stringify(name)}:{"dtype":${JSON.stringify(dtype)},"shape":${JSON.stringify(shape)},"data_offsets":${offsets}}`;
}

function metadataMember(metadata: Record<string, string>): string {
  return `"__metadata__":${JSON.stringify(metadata)}`;
}

/** Length field and header of a shard, padded with spaces as the format wants it. @param tensors in the order of the header */
export function partHeader(
  metadata: SafetensorsHeader['metadata'],
  tensors: readonly Tensor[],
  origin: number,
): Uint8Array {
  const members = tensors.map((tensor) => member(tensor, origin));
  if (metadata !== null) members.unshift(metadataMember(metadata));
  const json = encoder.encode(`{${members.join(',')}}`);
  const bytes = new Uint8Array(LENGTH_BYTES + padded(json.length)).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/** Foretells the length of a header tensor by tensor, so that cutting a file needs one pass. */
export class HeaderRuler {
  #length: number;
  #members: number;

  constructor(metadata: SafetensorsHeader['metadata']) {
    this.#length = metadata === null ? 0 : encoder.encode(metadataMember(metadata)).length;
    this.#members = metadata === null ? 0 : 1;
  }

  add(tensor: Tensor, origin: number): void {
    this.#length += encoder.encode(member(tensor, origin)).length;
    this.#members += 1;
  }

  /** Bytes of length field, header and padding for what was added. */
  get size(): number {
    return LENGTH_BYTES + padded(2 + this.#length + Math.max(0, this.#members - 1));
  }
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
