/** Bits of one element, for every data type of the format (safetensors 0.6, `Dtype::bitsize`). */
const BITS: ReadonlyMap<string, number> = new Map([
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['BOOL', 8],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
]);

/** Bytes of a tensor; null for an unknown type, a size that is no whole number of bytes, or one beyond 2^53. */
export function tensorBytes(dtype: string, shape: readonly number[]): number | null {
  const bits = BITS.get(dtype);
  if (bits === undefined) return null;
  let total = bits;
  // A zero anywhere makes the tensor empty, even beside factors whose product would overflow.
  if (shape.includes(0)) return 0;
  for (const length of shape) {
    total *= length;
    if (!Number.isSafeInteger(total)) return null;
  }
  return total % 8 === 0 ? total / 8 : null;
}

/** Bytes to whose multiples an element is aligned; 1 for types smaller than a byte. */
export function alignmentOf(dtype: string): number {
  return Math.max(1, Math.floor((BITS.get(dtype) ?? 8) / 8));
}
