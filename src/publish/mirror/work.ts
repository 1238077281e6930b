import type { Queue } from '../../jobs/queue.ts';
import type { Logger } from '../../log.ts';
import type { Services } from '../../services.ts';
import type { Store } from '../../store/open.ts';
import { mirrorJobSchema, runMirror } from './job.ts';
import { MIRROR_LANES } from './mirror-all.ts';
import { createThrottle } from './throttle.ts';

/** Begins to run the jobs of the queue `mirror` in this process, all together at the operator's rate (MIRROR_RATE). */
export function workMirrors(context: {
  services: Pick<Services, 'target' | 'redact' | 'environment' | 'clock'>;
  store: Store;
  queue: Queue;
  logger: Logger;
}): void {
  const { services, queue } = context;
  const throttle = createThrottle(services.environment.mirrorRate, services.clock);
  queue.work('mirror', { concurrency: MIRROR_LANES, data: mirrorJobSchema }, (job) =>
    runMirror(job, { ...context, throttle }),
  );
}
