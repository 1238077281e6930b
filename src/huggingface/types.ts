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

export interface ModelFacts {
  /** The name the Hub returned: differs from the one asked for after a rename. */
  id: string;
  /** Resolved commit, 40 hex. */
  revision: string;
  /** ISO 8601, at that revision; the epoch when the Hub does not say. */
  lastModified: string;
  gated: false | 'auto' | 'manual';
  private: boolean;
  license: DeclaredLicense;
  tags: string[];
  files: HubFile[];
  /** Declared parents, `owner/name`. */
  baseModels: string[];
  /** Why loading this model would run code: `repository` is null when it is the model's own. */
  remoteCode: { file: string; repository: string | null }[];
  /**
   * Index-aware loading: path of a `*.index.json` → paths (relative to the repository root) of the shards its weight map names.
   * An index that could not be read (gated) is absent.
   */
  indexes: Record<string, string[]>;
  /** Things that could not be read, in words for the report, e.g. `config.json: gated`. */
  notChecked: string[];
}

/** The Hub's answer, or why there is none. Only `found` can lead to a build. */
export type FactsResult =
  | { kind: 'found'; facts: ModelFacts }
  | { kind: 'not-found' | 'private' | 'disabled' | 'unavailable'; message: string };

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
  facts(id: string, revision: string | null, options?: { signal?: AbortSignal }): Promise<FactsResult>;
  /**
   * The content of one file in chunks, verified: ends normally only if every byte arrived and size and hash match.
   * @throws PublisherError `download-truncated`, `download-corrupt`, `hub-gated`, `hub-not-found`, `hub-unavailable`
   */
  download(model: ModelAt, file: HubFile, options?: DownloadOptions): AsyncIterable<Uint8Array>;
  /** The same, collected; refuses a file over `maxBytes` before asking. */
  read(model: ModelAt, file: HubFile, maxBytes: number, options?: DownloadOptions): Promise<Uint8Array>;
}
