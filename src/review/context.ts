import type { RuntimeBuilder } from '../build/runtimes/types.ts';
import { buildRequestSchema } from '../build/schema.ts';
import type { Smoker } from '../build/smoke/smoker.ts';
import type { BuildRequest } from '../build/types.ts';
import type { GitHub } from '../github/types.ts';
import type { Queue } from '../jobs/queue.ts';
import type { KeyedLocks } from '../keyed-locks.ts';
import type { Logger } from '../log.ts';
import type { Attester } from '../publish/attest/types.ts';
import type { Scanner } from '../scan/scanner.ts';
import type { Services } from '../services.ts';
import { type Builds, buildsOf } from '../store/builds.ts';
import type { Store } from '../store/open.ts';
import { type Reviews, reviewsOf } from '../store/reviews.ts';
import { type BuildResult, buildResultSchema, type ReviewPlan, reviewPlanSchema } from './types.ts';
import type { CheckMemory } from './write-checks.ts';

/** The catalog's place in a repository. */
export const CATALOG_PATH = 'models.yaml';

/** What the jobs of a review work with. */
export interface ReviewContext {
  services: Services;
  store: Store;
  queue: Queue;
  logger: Logger;
  github(installationId: number): Promise<GitHub>;
  /** Whether installations of this account are served. */
  serves(owner: string): Promise<boolean>;
  /** Scans an image by reference; never throws for a scan that did not happen. */
  scan: Scanner;
  /** Builds the runtime images that models stand on, with the registry logins of an account. */
  runtimeBuilder(owner: string): RuntimeBuilder;
  /** States what an image is, and signs it where the operator set that up, with the registry logins of an account. */
  attester(owner: string): Promise<Attester>;
  /** Milliseconds that a publisher may go unheard before others publish to its repositories. */
  publishLeaseMs: number;
  /** Runs a finished image; never throws for a run that did not happen. */
  smoke: Smoker;
  reviews: Reviews<ReviewPlan>;
  builds: Builds<BuildRequest, BuildResult>;
  /** Serialises the work on one pull request within this process. */
  locks: KeyedLocks;
  checkMemory: CheckMemory;
}

/** Name of the lock under which a pull request's checks and comment are written. */
export const concluding = ({ repoId, pr }: { repoId: number; pr: number }): string => `conclude ${repoId}#${pr}`;

export function ledgerOf(): Pick<ReviewContext, 'reviews' | 'builds'> {
  return {
    reviews: reviewsOf(reviewPlanSchema),
    builds: buildsOf({ request: buildRequestSchema, result: buildResultSchema }),
  };
}
