import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { REGISTRY_PASSWORD } from './world.ts';

const CLI = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

/** The command line as a process of its own, with no other environment than the one given. */
export interface BotProcess {
  /** Where it listens; rejects when it ended first. */
  url: Promise<string>;
  /** Exit code, or the signal it died of. */
  exited: Promise<number | NodeJS.Signals>;
  /** Everything it has said so far, stdout and stderr. */
  output(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

export function startProcess(args: string[], variables: Record<string, string>): BotProcess {
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn(process.execPath, [CLI, ...args], {
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let complained = '';
  const exited = once(child, 'close').then(([code, signal]): number | NodeJS.Signals => signal ?? code);
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      said += data;
      const found = /Listening on (\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    exited.then((code) => reject(new Error(`ended with ${code} before it listened: ${complained}`)));
  });
  // Not every test asks for it.
  url.catch(() => undefined);
  child.stderr.on('data', (data: Buffer) => {
    complained += data;
  });
  return {
    url,
    exited,
    output: () => said + complained,
    stderr: () => complained,
    kill(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** Fails when a text holds a secret of these settings, or the registry's password, in a form it may take. */
export function assertNoSecret(text: string, settings: Record<string, string>): void {
  const key = (settings.PRIVATE_KEY ?? '').split('\n').filter((line) => line.length > 30);
  const login = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
  const secrets = [...key, settings.WEBHOOK_SECRET, settings.HF_TOKEN, REGISTRY_PASSWORD, login];
  for (const secret of secrets) {
    if (secret !== undefined && text.includes(secret)) throw new Error(`a secret is shown: ${secret.slice(0, 8)}…`);
  }
}
