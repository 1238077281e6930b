import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { PublisherError } from '../errors.ts';

/** One file of the model folder, with the hash that the Hub knows: sha256, or the git blob SHA-1 for one stored in git. */
export type ListedFile = { path: string; size: number; sha256: string } | { path: string; size: number; oid: string };

const HEX64 = /^[0-9a-f]{64}$/;
const HEX40 = /^[0-9a-f]{40}$/;
const CONTROL = /\p{Cc}/u;

/**
 * `/etc/model-image/files.json`: exactly the files that fat embeds and slim downloads. JSON in a fixed line format, because the
 * entrypoint reads it with nothing but a shell: the opening line, one line for each file in byte order of their paths (all but
 * the last ending in a comma), and `]}`. In strings only `"` and `\` are escaped; everything else is raw UTF-8.
 *
 * @throws PublisherError `internal` for what the format cannot carry: control characters, unhashed files, a path twice
 */
export function fileList(
  model: string,
  revision: string,
  files: readonly { path: string; size: number; sha256: string | null; oid: string }[],
): string {
  const sorted = [...files].sort((a, b) => byteOrder(a.path, b.path));
  const twice = sorted.find(({ path }, at) => path === sorted[at + 1]?.path);
  if (twice !== undefined) throw unusable(twice.path, 'is listed twice');
  const lines = sorted.map(({ path, size, sha256, oid }) => {
    if (!Number.isSafeInteger(size) || size < 0) throw unusable(path, 'has no usable size');
    if (!(sha256 === null ? HEX40.test(oid) : HEX64.test(sha256))) throw unusable(path, 'has no usable hash');
    const hash = sha256 === null ? `"oid":"${oid}"` : `"sha256":"${sha256}"`;
    return `{"path":${string(path)},"size":${size},${hash}}`;
  });
  const body = lines.length === 0 ? '' : `${lines.join(',\n')}\n`;
  return `{"model":${string(model)},"revision":${string(revision)},"files":[\n${body}]}\n`;
}

const schema = z.strictObject({
  model: z.string(),
  revision: z.string(),
  files: z.array(
    z.union([
      z.strictObject({ path: z.string(), size: z.int().nonnegative(), sha256: z.string().regex(HEX64) }),
      z.strictObject({ path: z.string(), size: z.int().nonnegative(), oid: z.string().regex(HEX40) }),
    ]),
  ),
});

/** Reads a list back. @throws PublisherError `image-invalid` */
export function parseFileList(text: string): { model: string; revision: string; files: ListedFile[] } {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new PublisherError('image-invalid', 'The list of files in the image cannot be read: build the image again.', {
      cause,
    });
  }
}

/** Order of UTF-8 bytes, which is that of a shell under LC_ALL=C; JavaScript's own differs beyond the basic plane. */
export function byteOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function string(value: string): string {
  if (CONTROL.test(value) || !value.isWellFormed()) throw unusable(value, 'has a character that cannot be listed');
  return `"${value.replace(/["\\]/g, '\\$&')}"`;
}

function unusable(path: string, why: string): PublisherError {
  return new PublisherError('internal', `${JSON.stringify(path)} ${why}; the choice of files should have refused it.`);
}
