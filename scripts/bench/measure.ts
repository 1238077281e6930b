import { setTimeout as delay } from 'node:timers/promises';
import { processFacts, residentBytes, treeOf, writtenBytes } from './processes.ts';

export interface Measured {
  seconds: number;
  /** Of everything that worked on the builder's side: not the Hub, not the registry. */
  cpuSeconds: number;
  /** The most that all of it held at one moment, as often as one looks. */
  peakRss: number;
  /** Bytes written to local storage; the registry's not included. */
  written: number;
}

const LOOK_EVERY_MS = 100;
/** Processes of the stage: what they use counts for nobody, unless a measurement asks for it. */
const stagehands = new Set<number>();

export function notMeasured(pid: number): void {
  stagehands.add(pid);
}

/**
 * Runs an action and accounts for the processes it starts and waits for, besides the `daemons` that work for it. The kernel
 * adds what a child has used to its parent once that waited for it, so that our own children's share is exact.
 */
export async function measure<T>(
  action: () => Promise<T>,
  daemons: readonly number[] = [],
): Promise<Measured & { result: T }> {
  const before = await used(daemons);
  const ended = new AbortController();
  const watching = watchMemory(daemons, ended.signal);
  const startedAt = performance.now();
  let result: T;
  let seconds: number;
  try {
    result = await action();
    seconds = (performance.now() - startedAt) / 1000;
  } finally {
    ended.abort();
    await watching;
  }
  const after = await used(daemons);
  const peakRss = await watching;
  return { seconds, cpuSeconds: after.cpu - before.cpu, peakRss, written: after.written - before.written, result };
}

/** The one of some repetitions that stands for them: the median by time. */
export function median<T extends Measured>(runs: readonly T[]): T {
  const sorted = [...runs].sort((a, b) => a.seconds - b.seconds);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

async function used(daemons: readonly number[]): Promise<{ cpu: number; written: number }> {
  const own = await processFacts(process.pid);
  let cpu = own?.childrenCpu ?? 0;
  let written = await writtenBytes(process.pid);
  for (const pid of await treeOf(daemons, new Set())) {
    cpu += (await processFacts(pid))?.allCpu ?? 0;
    written += await writtenBytes(pid);
  }
  return { cpu, written };
}

async function watchMemory(daemons: readonly number[], ended: AbortSignal): Promise<number> {
  let most = 0;
  const except = new Set([...stagehands].filter((pid) => !daemons.includes(pid)));
  while (!ended.aborted) {
    const pids = (await treeOf([process.pid], except)).filter((pid) => pid !== process.pid);
    const resident = await Promise.all(pids.map(residentBytes));
    // A child's own peak is exact even when it fell between two looks; a daemon's may be older than this measurement.
    const peaks = daemons.length === 0 ? resident.map(({ peak }) => peak) : [];
    most = Math.max(
      most,
      resident.reduce((sum, { now }) => sum + now, 0),
      ...peaks,
    );
    await delay(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => undefined);
  }
  return most;
}
