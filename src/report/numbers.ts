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

/** A count with its noun, in the plural where English wants it. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `sha256:` and twelve digits: enough to recognise, short enough for a table. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
