/** Catalog after parsing, validation and defaults: what every later step reads. Plain data, no I/O. */

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'unknown'] as const;
export type Severity = (typeof SEVERITIES)[number];

export type Engine = 'vllm' | 'sglang' | 'llamacpp';
export type Variant = 'slim' | 'fat';
export type AutoBoolean = 'auto' | boolean;

/** 1-based position in the catalog's text. */
export interface Position {
  line: number;
  column: number;
}

/** A problem of the catalog; `path` is dotted with indices, e.g. `models[1].short`. */
export interface Problem extends Position {
  path: string;
  message: string;
}

export interface TagTemplate {
  template: string;
  immutable: boolean;
}

export interface ScanIgnore {
  id: string;
  package: string | null;
  /** YYYY-MM-DD, the last day on which the ignore holds. */
  until: string | null;
  reason: string | null;
}

export interface ScanSettings {
  failOn: Severity[];
  ignoreUnfixed: boolean;
  baseFindings: 'warn' | 'fail';
  ignore: ScanIgnore[];
}

export interface RuntimeBuild {
  target: string;
  args: Record<string, string>;
}

export interface Runtime {
  name: string;
  engine: Engine;
  /** Base image reference as written; null when the runtime is built by us (`build:`). */
  image: string | null;
  /** `os/arch[/variant]`, e.g. `linux/amd64`. */
  platforms: string[];
  experimental: boolean;
  build: RuntimeBuild | null;
  /** What makes the model images on this runtime. */
  builder: 'assemble' | 'buildkit';
  /** Arguments run in a finished image to see that it works; null = none. */
  smoke: string[] | null;
  /** For a base without a tag: the runtime's own, else the one of `defaults`. */
  baseVersion: string | null;
}

export interface Model {
  /** Hub repository, `owner/name`. */
  id: string;
  /** kebab-case; the image is called `hf-<short>`. */
  short: string;
  /** Branch, tag or commit on the Hub; null = latest. */
  revision: string | null;
  permissive: AutoBoolean;
  overrideSpdx: string | null;
  gated: AutoBoolean;
  serveArgs: string[];
  oci: { title: string | null; description: string | null; url: string | null };
  /** Registry names (keys of `Settings.registries`) it publishes to, in their order. */
  publish: string[];
  files: {
    include: string[];
    exclude: string[];
    /** Of a GGUF model, as in file names, e.g. `Q4_K_M`; null = the engine's default. */
    quant: string | null;
  };
  /** Names of runtimes, the first being the model's own. */
  runtimes: string[];
  aliases: string[];
  position: Position;
}

export interface Settings {
  downloadRoot: string;
  hfCacheDir: string;
  /** As written (SPDX ids, any case). */
  whitelist: string[];
  /** Name → prefix, which may hold `{owner}` and `{namespace_suffix}`. */
  registries: Record<string, string>;
  /** Registry names that what says nothing else publishes to, in their order; runtime images always. */
  publish: string[];
  mirrors: string[];
  tags: TagTemplate[];
  /** Whether publications also write the immutable `i{inputs}-{variant}`. */
  inputsTag: boolean;
  /** For a base without a tag. */
  baseVersion: string | null;
  scan: ScanSettings;
  /** Bytes. */
  limits: { fatMaxBytes: number; layerMaxBytes: number };
  /** What becomes of files that the Hub's scanners have not cleared: reported, or no fat image. */
  unscanned: 'warn' | 'deny';
  /** Repository of runtime images, beside the models' in each registry. */
  project: string;
  experimental: boolean;
  /** When published images are looked at again, as written; null = the bot's own rhythm. */
  schedule: string | null;
}

export interface Catalog {
  settings: Settings;
  runtimes: Runtime[];
  models: Model[];
}

export type CatalogResult =
  | { valid: true; catalog: Catalog; warnings: Problem[] }
  | { valid: false; problems: Problem[] };

/** Semantic difference of two catalogs. Names are `short`s; `fields` are dotted catalog keys such as `serve_args`. */
export interface CatalogDiff {
  added: string[];
  changed: { short: string; fields: string[] }[];
  removed: string[];
}
