import { randomUUID } from 'node:crypto';
import { asPublisherError, PublisherError } from '../../errors.ts';
import type { find, run } from '../../exec.ts';
import { ENGINE_VARIABLES, passedOn } from '../docker-variables.ts';
import { runArguments, serverArguments } from './arguments.ts';
import { judge } from './judge.ts';
import { serverSchema } from './schema.ts';
import type { SmokeRequest, SmokeResult } from './types.ts';
import { whyNot } from './why-not.ts';

/** What a smoke run needs of this machine. */
export interface SmokeParts {
  run: typeof run;
  find: typeof find;
  /** The operator's environment: PATH, and by `DOCKER_*` which engine. */
  env: Readonly<Record<string, string | undefined>>;
  /** Removes secrets from what the engine or the image said. */
  redact: (text: string) => string;
  /** Milliseconds; default two minutes for the run, half an hour for the pull. */
  timeoutMs?: { run: number; pull: number };
}

const VARIABLES = ['PATH', ...ENGINE_VARIABLES, 'DOCKER_CONFIG'];
const ASK_MS = 10_000;
const DEFAULT_TIMEOUTS = { run: 120_000, pull: 30 * 60_000 };

/**
 * Runs a finished image in the container engine of this machine, shut off from everything, and hears from it what it is. What keeps it
 * from running is an answer, `not-run` with the reason; never "passed". An image that the engine did not have is removed from it.
 *
 * @throws PublisherError `cancelled`, and nothing else
 */
export async function smokeImage(parts: SmokeParts, request: SmokeRequest): Promise<SmokeResult> {
  try {
    if ((await parts.find('docker', parts.env.PATH ?? '')) === null) return notRun('there is no docker command');
    const docker = dockerOf(parts, request.signal);
    const server = await docker(serverArguments(), { check: false, timeoutMs: ASK_MS });
    if (server.exitCode !== 0) return notRun('no container engine answers');
    const { Os, Arch } = serverSchema.parse(JSON.parse(server.stdout));
    const reason = whyNot(request, `${Os}/${Arch}`);
    return reason === null ? await runIn(docker, parts, request) : notRun(reason);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    if (error.code === 'cancelled') throw error;
    return notRun(withoutFullStop(parts.redact(error.message)));
  }
}

type Docker = (
  args: string[],
  options: { timeoutMs: number; check?: boolean; env?: Record<string, string> },
) => ReturnType<typeof run>;

async function runIn(docker: Docker, parts: SmokeParts, request: SmokeRequest): Promise<SmokeResult> {
  const { reference, pull } = request;
  const timeouts = parts.timeoutMs ?? DEFAULT_TIMEOUTS;
  const present = (await docker(['image', 'inspect', reference], { check: false, timeoutMs: ASK_MS })).exitCode === 0;
  if (!present && !pull) return notRun(`the container engine does not have ${reference}`);
  if (!present) {
    const env: Record<string, string> = request.dockerConfig === null ? {} : { DOCKER_CONFIG: request.dockerConfig };
    await docker(['pull', '--quiet', reference], { timeoutMs: timeouts.pull, env });
  }
  try {
    return await examine(docker, parts, request, timeouts.run);
  } finally {
    if (!present) await withoutSignal(parts, ['rmi', '--force', reference]);
  }
}

async function examine(
  docker: Docker,
  parts: SmokeParts,
  { reference, command, expected }: SmokeRequest,
  timeoutMs: number,
): Promise<SmokeResult> {
  const name = `model-image-smoke-${randomUUID()}`;
  try {
    const ended = await docker(runArguments(reference, name, command ?? []), { check: false, timeoutMs });
    // Docker's own failures: it could not create the container at all.
    if (ended.exitCode === 125) return notRun(lastLine(parts.redact(ended.stderr)));
    const said = { ...ended, stdout: parts.redact(ended.stdout), stderr: parts.redact(ended.stderr) };
    return judge(said, expected);
  } catch (thrown) {
    const error = asPublisherError(thrown);
    // It ran, and did not end in time or would not stop talking.
    if (error.code === 'internal') return { status: 'failed', reason: parts.redact(error.message) };
    throw error;
  } finally {
    // Killing the client leaves the container running.
    await withoutSignal(parts, ['rm', '--force', '--volumes', name]);
  }
}

function dockerOf({ run, env, redact }: SmokeParts, signal: AbortSignal | undefined): Docker {
  return (args, options) =>
    run('docker', args, {
      ...options,
      env: { ...passedOn(env, VARIABLES), ...options.env },
      maxBytes: 1024 * 1024,
      redact,
      ...(signal === undefined ? {} : { signal }),
    });
}

/** Cleans up, also after a cancellation; what it leaves behind is no reason to fail. */
async function withoutSignal(parts: SmokeParts, args: string[]): Promise<void> {
  await dockerOf(parts, undefined)(args, { check: false, timeoutMs: 60_000 }).catch((thrown: unknown) => {
    if (!(thrown instanceof PublisherError)) throw thrown;
  });
}

const notRun = (reason: string): SmokeResult => ({ status: 'not-run', reason });

const lastLine = (text: string): string => withoutFullStop(text.trim().split('\n').at(-1) ?? '') || 'docker run failed';

const withoutFullStop = (sentence: string): string => sentence.replace(/\.$/, '');
