import type { BuildProgress } from '../build/types.ts';
import { textCell } from './markdown.ts';
import { formatBytes, percent } from './numbers.ts';

/** A build's progress in one line: `streaming weights (1.2 GB of 5 GB, 120 MB/s, 32 s left)`. */
export function progressWords({ step, bytesDone, bytesTotal, bytesPerSecond, secondsLeft }: BuildProgress): string {
  if (bytesTotal === 0 || bytesDone >= bytesTotal) return step;
  const words = [
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
    ...(bytesPerSecond ? [`${formatBytes(bytesPerSecond)}/s`] : []),
    ...(secondsLeft === undefined || secondsLeft === null ? [] : [`${secondsLeft} s left`]),
  ];
  return `${step} (${words.join(', ')})`;
}

/** The layers on their way, as a table; nothing when there are none. */
export function laneTable({ lanes = [] }: BuildProgress): string[] {
  if (lanes.length === 0) return [];
  return [
    '| On its way | Of | |',
    '| --- | --- | --- |',
    ...lanes.map(
      ({ name, done, total }) => `| ${textCell(name)} | ${formatBytes(total)} | ${percent(done, total)} % |`,
    ),
  ];
}
