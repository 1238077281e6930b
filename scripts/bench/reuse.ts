import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchHub } from './hub.ts';
import { type OursMeasured, ours } from './ours.ts';
import { openStage, startRegistry } from './stage.ts';

export interface OursRow extends OursMeasured {
  title: string;
}

/** What ours has to move when the weights are there already. */
export async function measureReuse(hub: BenchHub, signal: AbortSignal): Promise<OursRow[]> {
  await using stage = await openStage(hub, signal);
  const platforms = ['linux/amd64', 'linux/arm64'];
  const rows: OursRow[] = [
    { title: 'first build', ...(await ours(stage, { tag: 'bench' })) },
    { title: 'built before', ...(await ours(stage)) },
    { title: 'base bump', ...(await ours(stage, { base: 'v2' })) },
    { title: 'second platform', ...(await ours(stage, { platforms })) },
    { title: 'second runtime', ...(await ours(stage, { runtime: 'second' })) },
  ];
  await rm(join(stage.folder, 'data'), { recursive: true });
  rows.push({ title: 'empty ledger, the image under a tag', ...(await ours(stage)) });
  return rows;
}

/** To two registries in one build, and in two builds with nothing in common. */
export async function measureTwoRegistries(hub: BenchHub, signal: AbortSignal): Promise<OursRow[]> {
  const both: OursRow = { title: 'to two registries at once', ...(await toTwo(hub, signal, ours)) };
  const [first, second] = await toTwo(hub, signal, async (stage, { registries = [] }) => {
    const [one = '', other = ''] = registries;
    return [
      await ours(stage, { registries: [one], ledger: 'one' }),
      await ours(stage, { registries: [other], ledger: 'other' }),
    ] as const;
  });
  const sum = (pick: (row: OursMeasured) => number) => pick(first) + pick(second);
  return [
    both,
    {
      title: 'one after the other',
      seconds: sum(({ seconds }) => seconds),
      buildSeconds: sum(({ buildSeconds }) => buildSeconds),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      written: sum(({ written }) => written),
      uploaded: sum(({ uploaded }) => uploaded),
      reused: sum(({ reused }) => reused),
      peakRss: Math.max(first.peakRss, second.peakRss),
    },
  ];
}

/** Both of equal standing: the bases lie on the stage's registry, the image goes to two others. */
async function toTwo<T>(
  hub: BenchHub,
  signal: AbortSignal,
  action: (stage: Parameters<typeof ours>[0], options: Parameters<typeof ours>[1] & object) => Promise<T>,
): Promise<T> {
  await using stage = await openStage(hub, signal);
  await using stack = new AsyncDisposableStack();
  const registries = [await startRegistry(stack), await startRegistry(stack)];
  return await action(stage, { registries });
}
