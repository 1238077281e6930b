import { z } from 'zod';
import { quote } from '../../policy/quote.ts';
import { tensorBytes } from './dtypes.ts';
import { isModest } from './scan.ts';
import { type Answer, problem, type SafetensorsHeader, type Tensor } from './types.ts';

/** Bytes of the length field at the start of a file: a 64-bit little-endian number. */
export const LENGTH_BYTES = 8;
/** Bytes. Headers of the largest files on the Hub have some 15 MB. */
const MAX_HEADER_BYTES = 64 * 1024 * 1024;
const METADATA = '__metadata__';
const OPEN_BRACE = 0x7b;

const offset = z.int().nonnegative();
const tensorSchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(offset),
  data_offsets: z.tuple([offset, offset]),
});

/**
 * Bytes of the head of a file (length field, header, padding), from its first eight bytes.
 *
 * @param size bytes of the whole file
 */
export function headSize(first: Uint8Array, size: number): Answer<number> {
  if (first.length < LENGTH_BYTES) return problem('is too short for a safetensors file');
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) return problem(`has a header of more than ${MAX_HEADER_BYTES} bytes`);
  const total = LENGTH_BYTES + Number(length);
  return total > size ? problem('is shorter than its header says') : { ok: true, value: total };
}

/**
 * Reads the head of a safetensors file and holds it against the format's rules, all of them, because what passes is cut by its
 * offsets: known types, sizes that follow from type and shape, tensors that lie end to end and cover the data exactly
 * (github.com/huggingface/safetensors, "Format"). Never throws, whatever the bytes are.
 *
 * @param head as many bytes as {@link headSize} says
 * @param size bytes of the whole file
 */
export function parseHeader(head: Uint8Array, size: number): Answer<SafetensorsHeader> {
  const total = headSize(head, size);
  if (!total.ok) return total;
  if (head.length !== total.value) return problem('has another header than its length says');
  const json = head.subarray(LENGTH_BYTES);
  if (json[0] !== OPEN_BRACE || !isModest(json)) return problem('has a header that is no list of tensors');
  const members = parseMembers(json);
  if (members === null) return problem('has a header that is not valid JSON');
  const tensors: Tensor[] = [];
  let metadata: SafetensorsHeader['metadata'] = null;
  for (const [name, value] of members) {
    if (name === METADATA) {
      metadata = metadataOf(value);
      if (metadata === null) return problem('has metadata that is not text by key');
      continue;
    }
    const parsed = tensorSchema.safeParse(value);
    if (!parsed.success) return problem(`describes the tensor ${quote(name)} in a way the format does not know`);
    const { dtype, shape, data_offsets } = parsed.data;
    const [begin, end] = data_offsets;
    if (tensorBytes(dtype, shape) !== end - begin) {
      return problem(`gives the tensor ${quote(name)} another size than its type and shape`);
    }
    tensors.push({ name, dtype, shape, begin, end });
  }
  const gap = gapIn(tensors, size - total.value);
  return gap === null ? { ok: true, value: { metadata, tensors, dataStart: total.value } } : problem(gap);
}

/** Tensors in the order of their data; empty ones before what begins where they lie. */
export function inDataOrder(tensors: readonly Tensor[]): Tensor[] {
  return [...tensors].sort((a, b) => a.begin - b.begin || a.end - b.end);
}

function gapIn(tensors: readonly Tensor[], dataSize: number): string | null {
  let at = 0;
  for (const { name, begin, end } of inDataOrder(tensors)) {
    if (begin !== at) return `has a gap or an overlap before the tensor ${quote(name)}`;
    at = end;
  }
  return at === dataSize ? null : 'has tensors that do not cover its data';
}

function parseMembers(json: Uint8Array): [string, unknown][] | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json));
    return typeof value === 'object' && value !== null ? Object.entries(value) : null;
  } catch {
    return null;
  }
}

/** By hand rather than by schema, which would drop a key called `__proto__`. */
function metadataOf(value: unknown): Record<string, string> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return entries.length === Object.keys(value).length ? Object.fromEntries(entries) : null;
}
