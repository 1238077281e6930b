import type { HubFile } from '../../huggingface/types.ts';

/** One tensor of a safetensors file, as its header describes it. */
export interface Tensor {
  name: string;
  dtype: string;
  shape: number[];
  /** Bytes from the start of the data (not of the file) to the tensor's first, and to the one after its last. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  /** Free text by key, which belongs to the file as a whole; null when there is none. */
  metadata: Record<string, string> | null;
  /** In the order of the header. */
  tensors: Tensor[];
  /** Bytes before the data: the length field and the header with its padding. */
  dataStart: number;
}

/** One shard cut out of a file: a header of our own, then a range of the file's own bytes. */
export interface SplitPart {
  /** Relative to the model's folder. */
  path: string;
  /** Length field and header: all that precedes the data. */
  header: Uint8Array;
  /** Bytes of the original file that follow: the first, and the one after the last. */
  begin: number;
  end: number;
  /** Bytes of the whole shard. */
  size: number;
  /** Names, in the order of their data. */
  tensors: string[];
}

/** A file that is cut at tensor boundaries. The parts' ranges follow each other from the end of `head` to the file's end. */
export interface SplitFile {
  file: HubFile;
  /** The file's own bytes before its data. No part holds them, yet the file's hash covers them. */
  head: Uint8Array;
  parts: SplitPart[];
}

/** A file that no repository holds: made for one image. */
export interface MadeFile {
  /** Relative to the model's folder. */
  path: string;
  content: Uint8Array;
}

/** An answer, or the reason why there is none, as the end of a sentence about the file. */
export type Answer<T> = { ok: true; value: T } | { ok: false; problem: string };

export function problem(text: string): { ok: false; problem: string } {
  return { ok: false, problem: text };
}
