/** Facts about a model repository on the Hugging Face Hub, all read at one resolved commit. */

export type SecurityStatus = 'unscanned' | 'safe' | 'queued' | 'error' | 'caution' | 'suspicious' | 'unsafe';

export interface HubFile {
  /** Relative, `/`-separated, as the Hub lists it. Not yet checked for use as a tar path. */
  path: string;
  /** Bytes of the content (not of the LFS pointer). */
  size: number;
  /** Hex sha256 of the content; null for a file stored in git itself. */
  sha256: string | null;
  /** Hex git blob SHA-1: of the content when `sha256` is null, else of the LFS pointer. */
  oid: string;
  /** null when the Hub did not say. */
  security: SecurityStatus | null;
}

export interface DeclaredLicense {
  /** `license` of the card metadata, always as a list; empty when nothing is declared. Several mean AND. */
  ids: string[];
  /** `license_name` and `license_link`, meaningful when an id is `other`. */
  name: string | null;
  link: string | null;
}

/** What a README's front matter says of the licence. Absent, or without `license`, it makes no statement. */
export type CardStatement =
  | { kind: 'none' }
  | { kind: 'stated'; license: DeclaredLicense }
  /** It is there and cannot be understood, which is not the same as saying nothing. */
  | { kind: 'unreadable'; why: string };

/** A model that another one declares as its base, directly or through others. */
export interface Ancestor {
  /** As the child declares it. */
  id: string;
  /** Names from the model's own parent down to this ancestor, which comes last. */
  path: string[];
  /** What the Hub says of it now; or why nothing can be said. */
  answer: { kind: 'read'; revision: string; license: DeclaredLicense } | { kind: 'unknown'; message: string };
}

/** Something read for the facts, as evidence. */
export interface Source {
  /** Without query parameters that name nobody's content. */
  url: string;
  /** In a few words, e.g. `model metadata`. */
  what: string;
}

export interface ModelFacts {
  /** The name the Hub returned: differs from the one asked for after a rename. */
  id: string;
  /** Resolved commit, 40 hex. */
  revision: string;
  /** ISO 8601, at that revision; the epoch when the Hub does not say. */
  lastModified: string;
  gated: false | 'auto' | 'manual';
  private: boolean;
  /** The metadata's declaration at this revision. */
  license: DeclaredLicense;
  /** What README.md at this very commit declares. */
  card: CardStatement;
  tags: string[];
  files: HubFile[];
  /** Declared parents, `owner/name`. */
  baseModels: string[];
  /** Everything upstream of the model, nearest first; `unknown` answers where the walk had to stop. */
  lineage: Ancestor[];
  /** Direct parents whose chat template is another one, as sentences for the report. */
  chatTemplate: string[];
  /** Why loading this model would run code: `repository` is null when it is the model's own. */
  remoteCode: { file: string; repository: string | null }[];
  /**
   * Index-aware loading: path of a `*.index.json` → paths (relative to the repository root) of the shards its weight map names.
   * An index that could not be read (gated) is absent.
   */
  indexes: Record<string, string[]>;
  /** Things that could not be read, in words for the report, e.g. `config.json: gated`. */
  notChecked: string[];
  /** What was read, in order. */
  sources: Source[];
}

/** The Hub's answer, or why there is none. Only `found` can lead to a build. */
export type FactsResult =
  | { kind: 'found'; facts: ModelFacts }
  | { kind: 'not-found' | 'private' | 'disabled' | 'unavailable'; message: string };

/** What the Hub says of a repository that others descend from. */
export type ParentAnswer =
  | {
      kind: 'read';
      /** As the Hub names it now. */
      id: string;
      revision: string;
      license: DeclaredLicense;
      baseModels: string[];
      /** From the Hub's extract of its tokenizer; null when that has none. */
      chatTemplate: string | null;
    }
  | { kind: 'unknown'; message: string };

/** Answers by lower-cased name: one plan asks about an ancestor once, whoever descends from it. */
export type AncestorMemory = Map<string, Promise<ParentAnswer>>;

export interface FactsOptions {
  signal?: AbortSignal;
  /** Shared by the models of one plan; without it every call asks anew. */
  ancestors?: AncestorMemory;
}

export interface DownloadOptions {
  signal?: AbortSignal;
  /** Called with the number of bytes of each chunk. */
  onBytes?: (bytes: number) => void;
  /** Whether the operator's token may be used when the anonymous request is refused. Default: only for granted repositories. */
  useToken?: boolean;
}

export interface ModelAt {
  id: string;
  /** 40 hex. */
  revision: string;
}

/** What the rest of the product needs of the Hub. */
export interface Hub {
  readonly endpoint: string;
  /** Never throws for an answer the policy knows: it becomes a kind. Throws only `cancelled`. */
  facts(id: string, revision: string | null, options?: FactsOptions): Promise<FactsResult>;
  /**
   * The content of one file in chunks, verified: ends normally only if every byte arrived and size and hash match.
   * @throws PublisherError `download-truncated`, `download-corrupt`, `hub-gated`, `hub-not-found`, `hub-unavailable`
   */
  download(model: ModelAt, file: HubFile, options?: DownloadOptions): AsyncIterable<Uint8Array>;
  /**
   * Bytes `begin` (included) to `end` (excluded) of one file in chunks. Not verified: no hash of a part is known, so the caller holds
   * the whole file's against what it read.
   * @throws PublisherError as `download`
   */
  range(
    model: ModelAt,
    file: HubFile,
    begin: number,
    end: number,
    options?: DownloadOptions,
  ): AsyncIterable<Uint8Array>;
  /** The same as `download`, collected; refuses a file over `maxBytes` before asking. */
  read(model: ModelAt, file: HubFile, maxBytes: number, options?: DownloadOptions): Promise<Uint8Array>;
}
