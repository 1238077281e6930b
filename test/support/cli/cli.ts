import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../../src/cli/run.ts';

export interface Told {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON document it has to be. */
  json(): unknown;
}

type Variables = Record<string, string | undefined>;

/** A command line in this process. */
export async function cli(argv: string[], variables: Variables = {}): Promise<Told> {
  const stdout = collector();
  const stderr = collector();
  const code = await runCli(argv, { stdout, stderr, variables });
  return told(code, stdout.text(), stderr.text());
}

export interface Running {
  /** Resolves when standard error has said this; rejects when the process ends without. */
  said(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Closes our end of both pipes, as `| head` does. */
  stopReading(): void;
  ended: Promise<Told>;
}

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** The same as a user starts it: a process of its own. */
export function startCli(argv: string[], variables: Variables = {}): Running {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [MAIN, ...argv], { env: { PATH, HOME, ...variables }, stdio: 'pipe' });
  child.stdin.end();
  const stdout = collector();
  const stderr = collector();
  child.stdout.setEncoding('utf8').on('data', stdout.write);
  child.stderr.setEncoding('utf8').on('data', stderr.write);
  const ended = once(child, 'close').then(() => told(child.exitCode, stdout.text(), stderr.text()));
  return {
    ended,
    stopReading() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    kill: (signal) => void child.kill(signal),
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => pattern.test(stderr.text()) && resolve();
        child.stderr.on('data', look);
        ended.then((end) => reject(new Error(`it ended without saying ${pattern}: ${end.stderr}`)), reject);
        look();
      }),
  };
}

function told(code: number | null, stdout: string, stderr: string): Told {
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}

function collector() {
  const parts: string[] = [];
  return { write: (text: string) => void parts.push(text), text: () => parts.join('') };
}
