const STEPS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes for people, decimal units, three significant digits: `1.34 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && step < STEPS.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step === 0 ? value : Number(value.toPrecision(3))} ${STEPS[step]}`;
}

/** How much of something is done, in whole steps from 0 to `steps`; nothing at all is done from the start. */
export function stepsDone(done: number, total: number, steps: number): number {
  return total === 0 ? steps : Math.min(steps, Math.max(0, Math.floor((steps * done) / total)));
}

/** The same in whole per cent. */
export function percent(done: number, total: number): number {
  return stepsDone(done, total, 100);
}

/** A count with its noun, in the plural where English wants it. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `sha256:` and twelve digits: enough to recognise, short enough for a table. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
