/**
 * `npm run bench [-- --mib N --shards N --only NAME --repeat N --json]`: from the Hub to a registry, ours beside other ways, on the same
 * generated weights in the same run. The Hub is a stand-in in a process of its own; registry, container engine and the rest
 * are real, and those not installed are named. Writes the tables of `docs/benchmarks.md` to stdout. Ratios count, not seconds.
 */
import { parseArgs } from 'node:util';
import { find } from '../../src/exec.ts';
import { barePipe } from './bare-pipe.ts';
import { startBenchHub } from './hub.ts';
import { ceilingOf, machine } from './machine.ts';
import { measureMemory } from './memory.ts';
import { measureReuse, measureTwoRegistries } from './reuse.ts';
import { openStage } from './stage.ts';
import { memoryTable, oursTable, waysTable } from './tables.ts';
import { measureWay, WAYS, type WayRow } from './ways.ts';

const MIB = 1024 * 1024;
const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '512' },
    shards: { type: 'string', default: '4' },
    only: { type: 'string', multiple: true },
    repeat: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const names = [...WAYS.map(({ key }) => key), 'reuse', 'registries', 'memory'];
const wanted = new Set(values.only ?? names);
const number = (name: 'mib' | 'shards' | 'repeat') => {
  const given = Number(values[name]);
  if (!Number.isInteger(given) || given < 1) usage(`--${name} takes a number from 1 on`);
  return given;
};
for (const name of wanted) if (!names.includes(name)) usage(`--only takes one of ${names.join(', ')}`);
const [mib, shards, repeat] = [number('mib'), number('shards'), number('repeat')];

// Whatever is running is cancelled, and everything on the stage goes away in turn.
const interrupt = new AbortController();
// Not `once`: with no listener left, the library that runs children would end this process before it has cleaned up.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupt.abort());
const { signal } = interrupt;

const missing = await missingOf(['docker-registry', 'curl']);
if (missing.length > 0) {
  process.stdout.write(`Nothing measured: ${missing.join(', ')} not found on PATH.\n`);
} else {
  await bench().then(
    (lines) => process.stdout.write(`${lines.join('\n')}\n`),
    (error: unknown) => {
      if (!signal.aborted) throw error;
      process.exitCode = 130;
    },
  );
}

async function bench(): Promise<string[]> {
  await using hub = await startBenchHub(shards, mib * MIB);
  const skipped: string[] = [];
  const ways: WayRow[] = [];
  tell('warming up');
  const ceiling = await ceilingOf(hub, signal);
  {
    await using stage = await openStage(hub, signal);
    await barePipe(stage);
  }
  for (const way of WAYS.filter(({ key }) => wanted.has(key))) {
    const lacking = await missingOf(way.needs);
    if (lacking.length > 0) skipped.push(`${way.title}: ${lacking.join(', ')} not found.`);
    else {
      tell(way.key);
      ways.push(await measureWay(way, hub, repeat, signal));
    }
  }
  const reuse = await when('reuse', () => measureReuse(hub, signal));
  const registries = await when('registries', () => measureTwoRegistries(hub, signal));
  const memory = await when('memory', () => measureMemory(signal));
  const told = await machine();
  if (values.json) {
    const all = {
      machine: told,
      bytes: hub.bytes,
      hubBytesPerSecond: ceiling,
      ways,
      reuse,
      registries,
      memory,
      skipped,
    };
    return [JSON.stringify(all, null, 2)];
  }
  const rate = (ceiling / MIB).toFixed(0);
  return [
    `${shards * mib} MiB in ${shards} shards; ${told} The Hub stand-in alone gives ${rate} MiB/s.`,
    ...[waysTable(ways), oursTable([...reuse, ...registries]), memoryTable(memory)].flatMap((lines) =>
      lines.length > 2 ? ['', ...lines] : [],
    ),
    ...skipped.map((line) => `\nNot measured: ${line}`),
  ];
}

async function when<T>(name: string, measureRows: () => Promise<T[]>): Promise<T[]> {
  if (!wanted.has(name)) return [];
  tell(name);
  return await measureRows();
}

async function missingOf(tools: readonly string[]): Promise<string[]> {
  const found = await Promise.all(tools.map((tool) => find(tool)));
  return tools.filter((_, at) => found[at] === null);
}

function tell(what: string): void {
  process.stderr.write(`bench: ${what}\n`);
}

function usage(message: string): never {
  process.stderr.write(`${message}.\n`);
  process.exit(2);
}
