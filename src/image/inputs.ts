import type { Engine, Variant } from '../catalog/types.ts';
import type { HubFile } from '../huggingface/types.ts';
import type { LicenseClass, ReasonCode } from '../policy/types.ts';
import type { Digest } from '../registry/types.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './hash.ts';

/**
 * Version of everything the assembler decides on its own: order of layers, framing, labels, configuration, and the tables and texts
 * of licences that it writes into images. Raise it whenever the same inputs would give other bytes.
 *
 * - 4: slim images let any user write to the download root.
 * - 3: layers of weights carry annotations that name what they were made from.
 * - 2: legal files keep their names; the licence manifest tells obligations, reasons and the base's licences.
 */
export const ASSEMBLER_FORMAT = 4;

/** Identity of a file: `sha256:…` of its content, or `git:…`, the blob SHA-1, where the Hub knows no other. */
export interface FileIdentity {
  path: string;
  size: number;
  content: string;
}

/** Identity of one file below `/licenses`. */
export interface LegalIdentity {
  path: string;
  /** `sha256:…`, `git:…`, or `unreadable` for one behind a gate. */
  content: string;
}

/** What a Dockerfile adds to an image's identity. */
export interface BuildKitInputs {
  /** Hex sha256 of the rendered Dockerfile. */
  dockerfile: string;
  /** Build arguments that end up in the image. */
  arguments: Record<string, string>;
}

/**
 * All that an image's bytes depend on, and nothing else: no commit, branch, pull request, time, registry, tag or secret. Equal
 * inputs give an equal digest.
 */
export interface ImageInputs {
  model: string;
  /** 40 hex. */
  revision: string;
  files: FileIdentity[];
  /** `os/arch[/variant]` → manifest digest. */
  base: Record<string, Digest>;
  runtime: string;
  engine: Engine;
  variant: Variant;
  builder: 'assemble' | 'buildkit';
  /** Of the BuildKit builder alone; absent otherwise, so that it is no part of other images' keys. */
  buildkit?: BuildKitInputs | undefined;
  /** Bytes. */
  layerLimit: number;
  short: string;
  serveArgs: string[];
  oci: { title: string | null; description: string | null; url: string | null };
  downloadRoot: string;
  hfCacheDir: string;
  legal: LegalIdentity[];
  license: {
    declared: string | null;
    /** The effective licence as an SPDX expression. */
    spdx: string | null;
    class: LicenseClass | null;
    /** The card's `license_link`: a path of the repository, or text. */
    link: string | null;
  };
  /** sha256 of the entrypoint script. */
  entrypoint: string;
  format: number;
  /** Sorted. */
  codes: ReasonCode[];
}

/** The inputs key: hex sha256 of the inputs' canonical JSON. */
export function inputsKey(inputs: ImageInputs): string {
  return sha256Hex(canonicalJson(inputs));
}

export function fileIdentity({ path, size, sha256, oid }: HubFile): FileIdentity {
  return { path, size, content: sha256 === null ? `git:${oid}` : `sha256:${sha256}` };
}
