/** How a queue answers failures. Times in milliseconds. */
export interface RetryPolicy {
  /** Failures after which the next one is final; crashes and hand-backs are no failures. */
  limit: number;
  /** The first delay; each further one doubles, up to `maxMs`, half of it random. */
  baseMs: number;
  maxMs: number;
}

/** The queues there are. What a job of each holds is its handler's business: it parses the data. */
export const QUEUES = {
  /** Looks at a pull request and plans its targets. */
  review: { limit: 8, baseMs: 5_000, maxMs: 600_000 },
  /** Builds one inputs key for one destination. */
  build: { limit: 5, baseMs: 10_000, maxMs: 900_000 },
  /** Builds one runtime image that models stand on. */
  runtime: { limit: 3, baseMs: 10_000, maxMs: 900_000 },
  /** Makes what is published what the default branch's catalog asks for. */
  publish: { limit: 8, baseMs: 10_000, maxMs: 900_000 },
  /** Publishes a release. */
  release: { limit: 5, baseMs: 10_000, maxMs: 900_000 },
  /** Copies what was published to a mirror. */
  mirror: { limit: 8, baseMs: 10_000, maxMs: 900_000 },
  /** Scans what is published again. */
  rescan: { limit: 5, baseMs: 10_000, maxMs: 900_000 },
  /** Answers a comment or a button. */
  command: { limit: 8, baseMs: 5_000, maxMs: 600_000 },
  /** Brings checks and comment of a pull request up to date. */
  conclude: { limit: 10, baseMs: 2_000, maxMs: 300_000 },
} as const satisfies Record<string, RetryPolicy>;

export type QueueName = keyof typeof QUEUES;

export const QUEUE_NAMES = [
  'review',
  'build',
  'runtime',
  'publish',
  'release',
  'mirror',
  'rescan',
  'command',
  'conclude',
] as const satisfies readonly QueueName[];

/** Milliseconds before the attempt after `failures` failures (at least 1); `random` in [0, 1). */
export function retryDelay(policy: RetryPolicy, failures: number, random: number): number {
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(30, failures - 1));
  return Math.round(full / 2 + (full / 2) * random);
}
