import type { Engine, Variant } from '../../catalog/types.ts';

/** What a finished image has to say of itself. */
export interface SmokeExpectation {
  model: string;
  /** Commit, 40 hex. */
  revision: string;
  variant: Variant;
  engine: Engine;
}

export interface SmokeRequest {
  /** `host/repository@sha256:…`, or a name with `pull: false`. */
  reference: string;
  /** Whether the engine has to fetch it; otherwise it has the image already. */
  pull: boolean;
  /** `os/architecture[/variant]` the image is made for. */
  platforms: string[];
  /** Bytes of weights in it. */
  weights: number;
  /** The runtime's `smoke`: options for the engine's program, or a command; null for the examination alone. */
  command: string[] | null;
  expected: SmokeExpectation;
  /** Folder with the registry credentials of the image's owner (`config.json`), for the pull alone; null = the engine's default. */
  dockerConfig: string | null;
  signal?: AbortSignal;
}

export type SmokeResult =
  | { status: 'passed'; reason: null }
  /** The image ran and did not do what it should; `reason` ends with its last lines. */
  | { status: 'failed'; reason: string }
  /** Nothing is known about it. */
  | { status: 'not-run'; reason: string };
