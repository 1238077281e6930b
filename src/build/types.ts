import type { Variant } from '../catalog/types.ts';
import type { HubFile } from '../huggingface/types.ts';
import type { ImageInputs } from '../image/inputs.ts';
import type { Digest } from '../registry/types.ts';

/**
 * Everything a build needs, decided beforehand: plain JSON, kept in the ledger and handed to whichever worker builds.
 * `inputs` names its identity; the rest follows from it or does not change the image's bytes.
 */
export interface BuildRequest {
  /** The inputs key. */
  key: string;
  inputs: ImageInputs;
  /** The name requests to the Hub use: differs from `inputs.model` after a rename. */
  hubId: string;
  /** Files of `inputs.files`, with what a download needs. */
  files: HubFile[];
  /** Legal files of the repository to place under `/licenses/model`; empty when a gate hides them. */
  legal: HubFile[];
  /** Paths of legal files that a gate hides: the image records them as not readable. */
  unreadable: string[];
  /** RFC 3339; the Hub's, at the revision. */
  lastModified: string;
  base: {
    /** As written in the catalog. */
    reference: string;
    /** Of the index, or of the manifest of a base for one platform. */
    digest: Digest;
    /** Built by us, into a repository of the owner's: read with the logins that pushed it. */
    own?: boolean | undefined;
  };
  /** The runtime's smoke command, see `src/build/smoke`; null for the examination alone. */
  smoke: string[] | null;
}

export interface BuildProgress {
  /** What is going on, in a few words. */
  step: string;
  bytesDone: number;
  /** Bytes that will be moved if nothing is reused. */
  bytesTotal: number;
  /** Bytes moved in all, the base's included: what tells a slow build from a stalled one. */
  moved?: number;
  /** What is on its way now. */
  lanes?: Lane[];
  /** Over the last seconds. */
  bytesPerSecond?: number;
  /** At that rate; null while nobody can tell. */
  secondsLeft?: number | null;
}

/** One layer on its way. */
export interface Lane {
  /** Path of its (first) file in the image. */
  name: string;
  /** Bytes of `total` that have come through. */
  done: number;
  total: number;
}

export interface BuiltImage {
  variant: Variant;
  runtime: string;
  /** `host/repository@sha256:…` in the first target. */
  reference: string;
  /** The same in every target. */
  references: string[];
  digest: Digest;
  revision: string;
  bytes: {
    /** Of the weight layers' content. */
    weights: number;
    /** Moved to a target, in all. */
    uploaded: number;
    /** Already there or mounted. */
    reused: number;
  };
  /** From facts known to digest pushed. */
  durationMs: number;
  /** What people should know about how it came about, e.g. why a layer was not reused. */
  notes: string[];
}

/** A file that upstream had as one and the image has as several. */
export interface Resharded {
  path: string;
  /** Hex, of the whole; null for a file that the Hub keeps in git. */
  sha256: string | null;
  /** Paths of its shards, in the order of their data. */
  parts: string[];
}

/** A file as the image's list names it: by hex sha256 or, where that is null, by git blob SHA-1. */
export interface ListedInput {
  path: string;
  /** Bytes. */
  size: number;
  sha256: string | null;
  oid: string;
}

/** A file of a layer that no listing of the Hub has the hash of. */
export interface LayerFile {
  /** Relative to the model's folder. */
  path: string;
  /** Hex. */
  sha256: string;
}

export interface RememberedLayer {
  digest: Digest;
  /** Bytes. */
  size: number;
  /** Of a layer with shards of a file that was split. */
  files?: LayerFile[] | undefined;
}

/** What is remembered of layers written before, so that nothing moves twice. */
export interface LayerMemory {
  find(key: string, path: string): Promise<RememberedLayer | null>;
  remember(key: string, path: string, layer: RememberedLayer): Promise<void>;
  /** Repositories (`host/repository`) that a layer went to, the latest first: hints where it may be found. */
  places(digest: Digest): Promise<string[]>;
  notePlaces(digest: Digest, repositories: readonly string[]): Promise<void>;
}
