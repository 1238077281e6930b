import { constants, existsSync } from 'node:fs';
import { access, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { PublisherError } from './errors.ts';

export interface RunOptions {
  /** Added to PATH and HOME, which are all a child inherits. */
  env?: Record<string, string>;
  /** Default: an empty folder of its own, removed afterwards, so that no configuration lying about is read. */
  cwd?: string;
  /** Milliseconds; default ten minutes, 0 = no limit. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Bytes of standard output beyond which the child is killed; default 64 MiB. */
  maxBytes?: number;
  /** The same for standard error; default 1 MiB. */
  maxErrorBytes?: number;
  stdin?: string;
  /** With `false`, an exit code other than 0 is an answer, not an error. */
  check?: boolean;
  /** Removes secrets from what an error quotes of the child's output. */
  redact?: (text: string) => string;
}

export interface RunResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  durationMs: number;
}

const MIB = 1024 * 1024;
const STDERR_LINES = 5;
/** Between SIGTERM and SIGKILL, in milliseconds. */
const KILL_AFTER_MS = 5_000;

/**
 * Runs a program and waits for it: no shell, arguments as an array, a minimal environment.
 * @throws PublisherError `environment` when the program is not there, `cancelled` when the signal aborted it,
 *   `internal` otherwise; the message says how it ended, with the last lines it wrote to standard error
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 10 * 60_000, maxBytes = 64 * MIB, maxErrorBytes = MIB, check = true, signal, stdin } = options;
  if (options.cwd !== undefined && !existsSync(options.cwd)) {
    // The system answers as if the program were missing.
    throw new PublisherError('environment', `${command} cannot run in ${options.cwd}: there is no such folder.`);
  }
  if (signal?.aborted === true) throw new PublisherError('cancelled', `${command} was cancelled before it started.`);
  const empty = options.cwd === undefined ? await mkdtemp(join(tmpdir(), 'publisher-run-')) : null;
  try {
    // A sixth of all that a command would load, and most commands start nothing.
    const { execa } = await import('execa');
    const result = await execa(command, [...args], {
      cwd: options.cwd ?? empty ?? tmpdir(),
      env: { ...inherited(), ...options.env },
      extendEnv: false,
      reject: false,
      timeout: timeoutMs,
      forceKillAfterDelay: KILL_AFTER_MS,
      stripFinalNewline: false,
      encoding: 'buffer',
      maxBuffer: { stdout: maxBytes, stderr: maxErrorBytes },
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      ...(stdin === undefined ? { stdin: 'ignore' as const } : { input: stdin }),
    });
    const stderr = decode(result.stderr);
    const failure = describe(result, { timeoutMs, maxBytes, check });
    if (failure !== null) {
      const said = lastLines((options.redact ?? ((text) => text))(stderr));
      throw new PublisherError(failure.code, `${command} ${failure.what}${said === '' ? '.' : `: ${said}`}`);
    }
    return { stdout: decode(result.stdout), stderr, exitCode: result.exitCode ?? 0, durationMs: result.durationMs };
  } finally {
    if (empty !== null) await rm(empty, { recursive: true, force: true });
  }
}

/** Where a program lies on `path` (default: PATH), or null. A name with a slash is looked up as it is. */
export async function find(command: string, path: string = process.env.PATH ?? ''): Promise<string | null> {
  const folders = command.includes('/') ? [''] : path.split(delimiter).filter((folder) => folder !== '');
  for (const folder of folders) {
    const candidate = resolve(folder, command);
    if (await isExecutable(candidate)) return candidate;
  }
  return null;
}

interface Ending {
  exitCode?: number;
  signal?: string;
  code?: string;
  timedOut: boolean;
  isCanceled: boolean;
  isMaxBuffer: boolean;
  originalMessage?: string;
}

/** How it ended, in words; null when that is no failure. The first that applies, from the most to the least specific. */
function describe(
  ending: Ending,
  { timeoutMs, maxBytes, check }: { timeoutMs: number; maxBytes: number; check: boolean },
): { code: 'environment' | 'cancelled' | 'internal'; what: string } | null {
  if (ending.code === 'ENOENT') return { code: 'environment', what: 'was not found: install it, or put it on PATH' };
  if (ending.code === 'EACCES') return { code: 'environment', what: 'may not be executed' };
  if (ending.isCanceled) return { code: 'cancelled', what: 'was cancelled' };
  if (ending.timedOut) return { code: 'internal', what: `did not end within ${timeoutMs / 1000} s` };
  if (ending.isMaxBuffer) return { code: 'internal', what: `wrote more than ${maxBytes} bytes` };
  if (ending.signal !== undefined) return { code: 'internal', what: `was killed by ${ending.signal}` };
  if (ending.exitCode === undefined) {
    return {
      code: 'internal',
      what: `could not be run (${ending.code ?? ending.originalMessage ?? 'no reason given'})`,
    };
  }
  return check && ending.exitCode !== 0 ? { code: 'internal', what: `ended with exit code ${ending.exitCode}` } : null;
}

function inherited(): Record<string, string> {
  const { PATH, HOME } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), ...(HOME === undefined ? {} : { HOME }) };
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

const lastLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-STDERR_LINES)
    .join(' | ');

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
