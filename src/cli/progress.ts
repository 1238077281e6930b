import type { BuildProgress } from '../build/types.ts';
import type { Clock } from '../clock.ts';
import { formatBytes } from '../report/numbers.ts';
import type { Output } from './output.ts';

const EVERY_MS = 2_000;

/** Progress as lines on stderr: each new step at once, bytes at most every two seconds. */
export function progressLine(name: string, output: Output, clock: Clock): (progress: BuildProgress) => void {
  let step = '';
  let last = 0;
  return (progress) => {
    const now = clock.now();
    if (progress.step === step && now - last < EVERY_MS) return;
    step = progress.step;
    last = now;
    const bytes =
      progress.bytesTotal > 0 ? `: ${formatBytes(progress.bytesDone)} of ${formatBytes(progress.bytesTotal)}` : '';
    output.say(`${name}: ${step}${bytes}`);
  };
}
