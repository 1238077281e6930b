import type { Clock } from '../clock.ts';
import type { Output } from './output.ts';
import { type Progress, progressBar, progressWords } from './progress-bar.ts';

export interface ProgressDisplay {
  update(done: number, total: number): void;
  /** Takes the bar away. */
  end(): void;
}

export interface DisplayOptions extends Pick<Progress, 'label' | 'unit'> {
  output: Output;
  clock: Clock;
  note?: () => string;
}

/** The eye sees no more. */
const REDRAW_MS = 100;
/** A log should not be full of it, and what is over by then needs none. */
const LINE_MS = 2_000;

/** Milliseconds between two tellings of progress, where nothing new has begun. */
export function tellEvery({ columns }: Pick<Output, 'columns'>): number {
  return columns === null ? LINE_MS : REDRAW_MS;
}

/**
 * Progress on stderr: on a terminal a bar that is redrawn in place, else a line now and then, and nothing where only a program
 * listens (`--json` without a terminal).
 */
export function showProgress({ output, clock, note, ...what }: DisplayOptions): ProgressDisplay {
  const startedAt = clock.now();
  const every = tellEvery(output);
  let last = output.columns === null ? startedAt : Number.NEGATIVE_INFINITY;
  return {
    update(done, total) {
      const now = clock.now();
      if (now - last < every || (output.json && output.columns === null)) return;
      last = now;
      const progress = { ...what, done, total, elapsedMs: now - startedAt, note: note?.() };
      if (output.columns === null) output.say(`${what.label}: ${progressWords(progress)}`);
      // A character in the last column would make some terminals begin a new line.
      else output.status(progressBar(progress, output.columns - 1));
    },
    end: () => output.status(null),
  };
}
