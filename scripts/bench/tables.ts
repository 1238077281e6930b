import type { Measured } from './measure.ts';
import type { MemoryRow } from './memory.ts';
import type { OursRow } from './reuse.ts';
import type { WayRow } from './ways.ts';

const MIB = 1024 * 1024;

/** All ways beside each other; ratios to the first. */
export function waysTable(rows: readonly WayRow[]): string[] {
  const reference = rows.find(({ key }) => key === 'pipe')?.fresh.seconds;
  const times = ({ seconds }: Measured) => (reference === undefined ? '–' : (seconds / reference).toFixed(2));
  return table(
    [
      '',
      'wall, s',
      '× bare pipe',
      'CPU, s',
      'peak RSS, MiB',
      'local disk, MiB',
      'new base: wall, s',
      'CPU, s',
      'peak RSS, MiB',
      'local disk, MiB',
    ],
    rows.map(({ title, fresh, bump }) => [
      title,
      fresh.seconds.toFixed(2),
      times(fresh),
      ...used(fresh),
      ...(bump === null ? ['–', '–', '–', '–'] : [bump.seconds.toFixed(2), ...used(bump)]),
    ]),
  );
}

export function oursTable(rows: readonly OursRow[]): string[] {
  return table(
    [
      'ours',
      'wall, s',
      'of it building, s',
      'CPU, s',
      'peak RSS, MiB',
      'local disk, MiB',
      'uploaded, MiB',
      'reused, MiB',
    ],
    rows.map((row) => [
      row.title,
      row.seconds.toFixed(2),
      row.buildSeconds.toFixed(2),
      ...used(row),
      mib(row.uploaded),
      mib(row.reused),
    ]),
  );
}

export function memoryTable(rows: readonly MemoryRow[]): string[] {
  return table(
    ['weights, MiB', 'wall, s', 'peak RSS, MiB', 'idle, MiB', 'above idle, MiB'],
    rows.map(({ bytes, build, idle }) => [
      mib(bytes),
      build.seconds.toFixed(2),
      mib(build.peakRss),
      mib(idle.peakRss),
      mib(build.peakRss - idle.peakRss),
    ]),
  );
}

function used({ cpuSeconds, peakRss, written }: Measured): string[] {
  return [cpuSeconds.toFixed(1), mib(peakRss), mib(written)];
}

export function table(head: string[], rows: string[][]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

export const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
