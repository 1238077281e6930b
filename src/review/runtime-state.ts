import type { PlannedTarget } from '../plan/types.ts';
import type { BuildState } from '../report/types.ts';
import { findRuntime, type RuntimeBuild } from '../store/runtimes.ts';
import type { ReviewContext } from './context.ts';
import type { ReviewPlan } from './types.ts';

/** Last lines of a failed build that a check shows. */
const MOST_LINES = 30;

/** What the ledger has of the runtimes that a plan's targets wait for. */
export async function runtimesOf(
  plan: ReviewPlan | null,
  { store }: Pick<ReviewContext, 'store'>,
): Promise<Map<PlannedTarget, RuntimeBuild>> {
  const found = new Map<PlannedTarget, RuntimeBuild>();
  for (const target of plan?.targets ?? []) {
    const runtime = target.awaits === null ? null : await findRuntime(store.db, target.awaits);
    if (runtime !== null) found.set(target, runtime);
  }
  return found;
}

/** How a target stands whose runtime is not there. One that was built a moment ago is planned again in the next. */
export function runtimeState(name: string, runtime: RuntimeBuild | null): BuildState {
  if (runtime?.state === 'cancelled') {
    const message = `Runtime \`${name}\` is not built: it was cancelled because nobody waited for it.`;
    return { state: 'failed', code: 'cancelled', message };
  }
  if (runtime?.state !== 'failed') {
    return { state: 'awaiting-runtime', runtime: name, building: runtime?.state === 'running' };
  }
  const { code = 'internal', message = 'no reason was kept.' } = runtime.error ?? {};
  const [first = '', ...log] = message.split(/\r?\n/);
  return { state: 'failed', code, message: `Runtime \`${name}\` was not built: ${first}`, log: log.slice(-MOST_LINES) };
}
