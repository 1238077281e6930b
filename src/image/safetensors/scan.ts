const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x7b, 0x5b];
const CLOSING = [0x7d, 0x5d];

/** A header is an object of tensors with lists in them. */
const MAX_DEPTH = 3;
/** Five a tensor: more than four times what the largest models have. */
const MAX_COMMAS = 2_000_000;

/**
 * Whether JSON text is shaped so that parsing it costs no more than a header may: tens of megabytes of brackets or of tiny members
 * would otherwise become gigabytes of objects. Says nothing about whether it is valid.
 */
export function isModest(json: Uint8Array): boolean {
  let depth = 0;
  let commas = 0;
  let inString = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === COMMA) commas += 1;
    else if (OPENING.includes(byte)) depth += 1;
    else if (CLOSING.includes(byte)) depth -= 1;
    if (depth > MAX_DEPTH || commas > MAX_COMMAS) return false;
  }
  return true;
}
