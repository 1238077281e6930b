/** What went wrong, as a closed set: callers branch on these, never on message text. */
export type ErrorCode =
  | 'usage' // the command line or an API was called wrongly
  | 'environment' // a setting, tool or file of this machine is missing or wrong
  | 'busy' // another process holds what this one needs
  | 'catalog-invalid' // models.yaml cannot be used
  | 'denied' // the answer is no: policy, gate or a ceiling
  | 'refused' // an allow-list or the connection rule forbids it; nothing was sent
  | 'hub-not-found' // repository, revision or file is not publicly there
  | 'hub-gated' // the file exists; its owner wants an agreement first
  | 'hub-disabled' // the Hub has taken the repository down
  | 'hub-unavailable' // the Hub did not answer, or not sensibly
  | 'download-truncated' // fewer bytes than declared
  | 'download-corrupt' // other bytes than declared
  | 'registry-unavailable' // the registry did not answer
  | 'registry-denied' // the registry wants other credentials
  | 'registry-not-found' // manifest, blob or repository is not there
  | 'registry-invalid' // the registry's answer breaks the distribution specification
  | 'image-invalid' // a base image that cannot be built upon
  | 'too-large' // a limit would be exceeded
  | 'scan-failed' // Trivy is missing or gave no usable report
  | 'github-unavailable' // GitHub did not answer, or not sensibly
  | 'cancelled' // nobody waits for the result any more
  | 'internal'; // a bug of ours

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'busy',
  'hub-unavailable',
  'download-truncated',
  'download-corrupt',
  'registry-unavailable',
  'github-unavailable',
]);

/** Process exit codes of the command line. 0 is "done". */
export type ExitCode = 0 | 1 | 2 | 3;

const EXIT: Record<ErrorCode, ExitCode> = {
  usage: 2,
  environment: 2,
  busy: 2,
  'catalog-invalid': 1,
  denied: 1,
  refused: 1,
  'hub-not-found': 1,
  'hub-gated': 1,
  'hub-disabled': 1,
  'hub-unavailable': 3,
  'download-truncated': 3,
  'download-corrupt': 3,
  'registry-unavailable': 3,
  'registry-denied': 3,
  'registry-not-found': 3,
  'registry-invalid': 3,
  'image-invalid': 1,
  'too-large': 1,
  'scan-failed': 3,
  'github-unavailable': 3,
  cancelled: 3,
  internal: 3,
};

export interface ErrorOptions {
  cause?: unknown;
  /** Overrides the code's usual answer to "would the same call later succeed?". */
  retryable?: boolean;
}

/** The one error class. `message` is for people: it says what, where and what to do, and never holds a secret. */
export class PublisherError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PublisherError';
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
  }

  get exitCode(): ExitCode {
    return EXIT[this.code];
  }
}

/** Anything thrown, as one of ours: foreign errors become `internal` with their message kept. */
export function asPublisherError(thrown: unknown, code: ErrorCode = 'internal'): PublisherError {
  if (thrown instanceof PublisherError) return thrown;
  return new PublisherError(code, messageOf(thrown), { cause: thrown });
}

/** The message of anything thrown; network failures hide theirs in `cause`, so the chain is followed. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? messageOf(thrown.cause) : '';
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(messageOf).join('; ');
  return cause === '' || thrown.message.includes(cause) ? thrown.message : `${thrown.message}: ${cause}`;
}
