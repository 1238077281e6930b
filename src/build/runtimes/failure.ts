import type { ErrorCode } from '../../errors.ts';

const LINES = 20;
const LONGEST = 300;
/** `#7 0.123 text`: what a step wrote, after seconds. */
const STEP_OUTPUT = /^#\d+ \d+\.\d+ (.+)$/;
/** Rules, and the excerpt of the Dockerfile, which would be all there is to see. */
const NOISE = /^-+$|^(?:\d+ )?\|/;

/** The last line that says ERROR decides, from the most to the least specific. */
const MEANINGS: readonly [RegExp, ErrorCode][] = [
  [/network bridge not found/, 'environment'],
  // A step's own command: whatever it could not reach, it is the recipe that failed.
  [/did not complete successfully/, 'image-invalid'],
  [/not a docker command|unknown command: docker buildx/, 'environment'],
  [/cannot connect to the docker daemon|no builder .* found|failed to find driver|no valid drivers/i, 'environment'],
  [/insufficient_scope|unauthorized|authorization failed|access denied|\b40[13]\b/i, 'registry-denied'],
  [/failed to resolve source metadata.*not found|manifest unknown/i, 'registry-not-found'],
  [
    /dial tcp|failed to do request|connection (?:refused|reset)|TLS handshake|i\/o timeout|no such host|failed to push|\b(?:429|50[0-4])\b/i,
    'registry-unavailable',
  ],
];

/** What a failed `docker buildx bake` failed of, and what it last had to say: its steps' output, and the error itself. */
export function bakeFailure(stderr: string): { code: ErrorCode; told: string } {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !NOISE.test(line));
  const error = lines.findLast((line) => /^(?:ERROR|error|docker):/.test(line)) ?? lines.at(-1) ?? '';
  const code = MEANINGS.find(([pattern]) => pattern.test(error))?.[1] ?? 'image-invalid';
  const said = lines.flatMap((line) => STEP_OUTPUT.exec(line)?.[1] ?? []).slice(-LINES);
  return { code, told: [...said, shorten(error)].join('\n') };
}

/** The command of a step may be a whole script: how it begins and how it ended is what helps. */
function shorten(line: string): string {
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST / 2)} … ${line.slice(-LONGEST / 2)}`;
}
