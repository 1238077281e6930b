import { LineCounter } from 'yaml';
import type { Position, Problem } from './types.ts';

/** Bytes of UTF-8; a longer catalog is refused before it is parsed. */
export const MAX_CATALOG_BYTES = 1_048_576;

/** What YAML 1.2 does not allow in a file (5.1 "Character Set"), and a carriage return that ends a line alone. */
const FORBIDDEN = /[^\P{Cc}\t\n\r\u0085]|[\p{Cs}\uFFFE\uFFFF]|\r(?!\n)/u;

/** The catalog as text, able to say where an offset is. */
export interface Source {
  text: string;
  /** Of an offset in UTF-16 code units. */
  position(offset: number): Position;
  problem(offset: number, path: string, message: string): Problem;
}

/** Reads a text without its byte order mark. */
export function readSource(raw: string): Source {
  const text = raw.startsWith('\uFEFF') ? raw.slice(1) : raw;
  const lines = new LineCounter();
  for (let start = 0; start !== 0 || lines.lineStarts.length === 0; start = text.indexOf('\n', start) + 1) {
    lines.addNewLine(start);
  }
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
    return { line, column: Math.max(col, 1) };
  };
  return { text, position, problem: (offset, path, message) => ({ path, message, ...position(offset) }) };
}

/** Why a text cannot even be parsed, or null. */
export function unreadable(raw: string, source: Source): Problem | null {
  const bytes = raw.length > MAX_CATALOG_BYTES ? raw.length : Buffer.byteLength(raw);
  if (bytes > MAX_CATALOG_BYTES) {
    return source.problem(0, '', `the catalog is larger than ${MAX_CATALOG_BYTES} bytes (1 MiB); split it`);
  }
  if (source.text.trim() === '') return source.problem(0, '', 'the catalog is empty; it needs a list `models`');
  const forbidden = FORBIDDEN.exec(source.text);
  if (forbidden === null) return null;
  const code = (forbidden[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return source.problem(forbidden.index, '', `the character U+${code} is not allowed in YAML; remove it`);
}
