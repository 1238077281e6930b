import { Buffer } from 'node:buffer';
import { quote } from './quote.ts';

const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 4096;
/** Far deeper than any repository; bounds the work on a hostile one. */
const MAX_DEPTH = 64;
/** Names the entrypoint keeps beside the model's files. */
const RESERVED = /^\.model-image/i;
/** Control characters, and those that make a name read as another one (line separators, direction overrides). */
const MISLEADING = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Why a name from the Hub may not become a path in an image or a volume, in one sentence; null when it may. */
export function safePath(path: string): string | null {
  const why = unsafe(path);
  return why === null ? null : `The repository has a file named ${quote(path)}, which ${why}.`;
}

/**
 * Why these paths cannot lie beside each other in one folder, in one sentence; null when they can. Names that differ only in case
 * or in Unicode form are one file on many volumes (`fold` decides what counts as one); a path cannot be a file and a folder.
 */
export function pathConflict(paths: readonly string[], fold: (path: string) => string = foldCase): string | null {
  const files = new Map<string, string>();
  for (const path of paths) {
    const twin = files.get(fold(path));
    if (twin !== undefined) {
      return `The repository has the files ${quote(twin)} and ${quote(path)}, which some file systems hold for one: leave one out with \`files.exclude\`.`;
    }
    files.set(fold(path), path);
  }
  for (const path of paths) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const file = files.get(fold(path.slice(0, slash)));
      if (file !== undefined) {
        return `The repository has ${quote(file)} as a file and, for ${quote(path)}, as a folder: leave one out with \`files.exclude\`.`;
      }
    }
  }
  return null;
}

function unsafe(path: string): string | null {
  const segments = path.split('/');
  if (path === '') return 'is empty';
  if (path.startsWith('/')) return 'is absolute';
  if (segments.includes('')) return 'has an empty segment';
  if (segments.includes('..') || segments.includes('.')) return 'leads out of the repository';
  if (path.includes('\\')) return 'has a backslash';
  if (MISLEADING.test(path) || !path.isWellFormed()) return 'has characters that cannot be shown';
  if (RESERVED.test(path)) return 'is reserved for the image itself';
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) return 'has too long a segment';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return 'is too long';
  if (segments.length > MAX_DEPTH) return 'is nested too deeply';
  return null;
}

function foldCase(path: string): string {
  return path.normalize('NFC').toLowerCase();
}
