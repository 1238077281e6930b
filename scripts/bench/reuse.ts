import type { BenchHub } from './hub.ts';
import { type OursMeasured, type OursOptions, ours, prepareLedger } from './ours.ts';
import { openStage, type Stage, startRegistry } from './stage.ts';

export interface OursRow extends OursMeasured {
  title: string;
}

/** What ours has to move when the weights are there already. */
export async function measureReuse(hub: BenchHub, signal: AbortSignal): Promise<OursRow[]> {
  await using stage = await openStage(hub, signal);
  const platforms = ['linux/amd64', 'linux/arm64'];
  for (const ledger of ['data', 'empty']) await prepareLedger(stage, { ledger });
  return [
    { title: 'first build', ...(await ours(stage, { tag: 'bench' })) },
    { title: 'built before', ...(await ours(stage)) },
    { title: 'base bump', ...(await ours(stage, { base: 'v2' })) },
    { title: 'second platform', ...(await ours(stage, { platforms })) },
    { title: 'second runtime', ...(await ours(stage, { runtime: 'second' })) },
    { title: 'empty ledger, the image under a tag', ...(await ours(stage, { ledger: 'empty' })) },
  ];
}

/** To two registries in one build, and in two builds with nothing in common. */
export async function measureTwoRegistries(hub: BenchHub, signal: AbortSignal): Promise<OursRow[]> {
  const both = await toTwo(hub, signal, async (stage, registries) => {
    await prepareLedger(stage, { registries });
    return ours(stage, { registries });
  });
  const [first, second] = await toTwo(hub, signal, async (stage, [one, other]) => {
    const builds: [OursOptions, OursOptions] = [
      { registries: [one], ledger: 'one' },
      { registries: [other], ledger: 'other' },
    ];
    for (const options of builds) await prepareLedger(stage, options);
    return [await ours(stage, builds[0]), await ours(stage, builds[1])] as const;
  });
  const sum = (pick: (row: OursMeasured) => number) => pick(first) + pick(second);
  return [
    { title: 'to two registries at once', ...both },
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
  action: (stage: Stage, registries: [string, string]) => Promise<T>,
): Promise<T> {
  await using stage = await openStage(hub, signal);
  await using stack = new AsyncDisposableStack();
  return await action(stage, [await startRegistry(stack), await startRegistry(stack)]);
}
