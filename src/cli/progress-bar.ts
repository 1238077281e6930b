import { formatBytes, percent, stepsDone } from '../report/numbers.ts';
import { formatDuration } from './duration.ts';

/** How far something is. */
export interface Progress {
  /** What is being done, e.g. `plan`. */
  label: string;
  done: number;
  total: number;
  /** `bytes`, or the plural of what is counted. */
  unit: string;
  elapsedMs: number;
  /** Said last, e.g. `2640 requests`. */
  note?: string;
}

const WIDEST = 30;
const NARROWEST = 8;
/** Before that, what is left is a guess. */
const SETTLED_MS = 1_000;

/** One line of at most `columns` characters: label, bar, percent, amounts, time, and the rate for bytes. */
export function progressBar(progress: Progress, columns: number): string {
  const words = progressWords(progress);
  const width = Math.min(WIDEST, columns - progress.label.length - words.length - 4);
  if (width < NARROWEST) return `${progress.label} ${words}`.slice(0, Math.max(0, columns));
  const filled = stepsDone(progress.done, progress.total, width);
  return `${progress.label} [${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${words}`;
}

/** The same without a bar, for logs: `42 %, 420 of 1000 models, 12 s, 17 s left`. */
export function progressWords(progress: Progress): string {
  const { done, total, unit, elapsedMs, note } = progress;
  const inBytes = unit === 'bytes';
  const amounts = inBytes ? `${formatBytes(done)} of ${formatBytes(total)}` : `${done} of ${total} ${unit}`;
  const settled = done > 0 && elapsedMs >= SETTLED_MS;
  const left = settled && done < total ? `${formatDuration((elapsedMs / done) * (total - done))} left` : '';
  const rate = inBytes && settled ? `${formatBytes(Math.round((done * 1000) / elapsedMs))}/s` : '';
  return [`${percent(done, total)} %`, amounts, formatDuration(elapsedMs), left, rate, note ?? '']
    .filter((part) => part !== '')
    .join(', ');
}
