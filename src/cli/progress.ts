import type { BuildProgress, Lane } from '../build/types.ts';
import type { Clock } from '../clock.ts';
import { percent } from '../report/numbers.ts';
import { progressWords } from '../report/progress.ts';
import type { Output } from './output.ts';
import { progressBar } from './progress-bar.ts';
import { tellEvery } from './progress-display.ts';

/**
 * A build's progress on stderr: each new step as a line at once; in between, on a terminal, a bar that is redrawn in place, elsewhere a line
 * every two seconds.
 */
export function buildProgress(
  name: string,
  output: Output,
  clock: Clock,
): { update(progress: BuildProgress): void; end(): void } {
  const startedAt = clock.now();
  let step = '';
  let last = 0;
  return {
    update(progress) {
      const now = clock.now();
      const isNew = progress.step !== step;
      if (!isNew && now - last < tellEvery(output)) return;
      step = progress.step;
      last = now;
      if (isNew || output.columns === null) output.say(`${name}: ${progressWords(progress)}`);
      // A character in the last column would make some terminals begin a new line.
      if (output.columns !== null) output.status(bar(progress, now - startedAt, output.columns - 1));
    },
    end: () => output.status(null),
  };
}

function bar({ bytesDone, bytesTotal, lanes = [] }: BuildProgress, elapsedMs: number, columns: number): string | null {
  if (bytesTotal === 0) return null;
  const note = lanes.length === 0 ? {} : { note: lanes.map(laneWords).join(' ') };
  return progressBar(
    { label: 'weights', done: bytesDone, total: bytesTotal, unit: 'bytes', elapsedMs, ...note },
    columns,
  );
}

function laneWords({ name, done, total }: Lane): string {
  return `${name.slice(name.lastIndexOf('/') + 1).slice(-12)} ${percent(done, total)}%`;
}
