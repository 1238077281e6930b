import { Buffer } from 'node:buffer';

/** GitHub's limits: REST "Check runs" and what comments are found to take. */
export const CHECK_OUTPUT_BYTES = 65_535;
export const ANNOTATIONS_PER_REQUEST = 50;
export const CHECK_TITLE_CHARACTERS = 255;
export const ANNOTATION_MESSAGE_BYTES = 64 * 1024;
/** GitHub stops at 65,536; the rest is left for what the marker and the closing line need. */
export const COMMENT_CHARACTERS = 60_000;
export const ISSUE_TITLE_CHARACTERS = 256;
/** Of a release's text, found to be 125,000. */
export const RELEASE_CHARACTERS = 125_000;

const CLOSING = '\n\n… truncated';

/** At most `limit` UTF-8 bytes, cut between characters, the cut said in a last line. */
export function cutBytes(text: string, limit: number, closing = CLOSING): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  let end = limit - Buffer.byteLength(closing);
  // 10xxxxxx continues a character: step back to where one starts.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end) + closing;
}

/** At most `limit` UTF-16 units, never half a surrogate pair, the cut said in a last line. */
export function cutCharacters(text: string, limit: number, closing = CLOSING): string {
  if (text.length <= limit) return text;
  const cut = text.slice(0, limit - closing.length);
  const whole = /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
  return whole + closing;
}

export function batches<T>(items: readonly T[], size: number): T[][] {
  const result: T[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}
