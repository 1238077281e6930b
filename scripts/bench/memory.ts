import { startBenchHub } from './hub.ts';
import { type OursMeasured, ours, prepareLedger } from './ours.ts';
import { openStage } from './stage.ts';

export interface MemoryRow {
  bytes: number;
  build: OursMeasured;
  /** The same command when nothing is left to move. */
  idle: OursMeasured;
}

const GIB = 1024 ** 3;
const SHARDS = 4;

/** Whether memory grows with the weights. */
export async function measureMemory(
  signal: AbortSignal,
  sizes: readonly number[] = [GIB, 8 * GIB],
): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (const size of sizes) {
    await using hub = await startBenchHub(SHARDS, size / SHARDS);
    await using stage = await openStage(hub, signal);
    await prepareLedger(stage);
    rows.push({ bytes: hub.bytes, build: await ours(stage), idle: await ours(stage) });
  }
  return rows;
}
