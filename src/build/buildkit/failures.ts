import { type ErrorCode, PublisherError } from '../../errors.ts';

/** First match wins. What BuildKit says is text for people, so all else is `internal`, with that text. */
const KNOWN: readonly { says: RegExp; code: ErrorCode; advice: string }[] = [
  {
    says: /exporter is not supported|containerd image store/i,
    code: 'environment',
    advice:
      "The builder cannot write an OCI layout: turn on the engine's containerd image store, or name another builder (BUILDX_BUILDER).",
  },
  {
    says: /cannot connect to the docker daemon|no builder .* found|failed to find driver|error during connect/i,
    code: 'environment',
    advice: 'No builder answers: start the container engine, or name a running builder (BUILDX_BUILDER).',
  },
  {
    says: /no space left on device/i,
    code: 'environment',
    advice: 'The disk of the builder, or TMPDIR here, is full.',
  },
  {
    says: /digest mismatch|checksum mismatch|unexpected EOF/i,
    code: 'download-corrupt',
    advice: 'A file of the Hub did not arrive as the Hub lists it; an error page in its place counts as that too.',
  },
  {
    says: /invalid response status|i\/o timeout|connection re(?:fused|set)|no such host|TLS handshake|too many requests|: EOF\b/i,
    code: 'hub-unavailable',
    advice: 'The builder could not fetch a file or the base image.',
  },
];

/**
 * What a failed `docker buildx build` means.
 *
 * @param said its standard error
 */
export function buildFailure(said: string): PublisherError {
  const text = lastLines(said);
  const known = KNOWN.find(({ says }) => says.test(text));
  if (known === undefined)
    return new PublisherError('internal', `docker buildx build failed: ${text || 'no reason given'}`);
  return new PublisherError(known.code, `${known.advice} docker buildx said: ${text}`);
}

/** Why `docker buildx inspect` does not name a usable builder; null when it does. */
export function builderProblem({
  exitCode,
  stdout,
  stderr,
}: {
  exitCode: number;
  stdout: string;
  stderr: string;
}): PublisherError | null {
  // With an engine that does not answer it ends with 0 and a line that says so.
  const error = /^Error:\s+(.+)$/m.exec(stdout)?.[1];
  if (exitCode === 0 && error === undefined) return null;
  const said = error ?? lastLines(stderr);
  if (/is not a docker command|unknown (?:shorthand )?(?:flag|command)/i.test(said)) {
    return new PublisherError(
      'environment',
      'docker has no buildx: install its plugin (Debian: docker-buildx; Docker: docker-buildx-plugin), or use `--builder assemble`, which needs no container engine.',
    );
  }
  return new PublisherError(
    'environment',
    `No builder answers: start the container engine, name a running builder (BUILDX_BUILDER), or use \`--builder assemble\`. docker buildx said: ${said || 'nothing'}`,
  );
}

function lastLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-5)
    .join(' | ');
}
