import { createRedactor } from './redact.ts';

/** The secrets of one process, of which more become known as it runs. */
export interface Secrets {
  /** Makes text fit for logs, checks, comments and the ledger, see `createRedactor`. */
  redact(text: string): string;
  learn(secret: string): void;
}

export function createSecrets(known: readonly string[]): Secrets {
  const secrets = new Set(known);
  let current = createRedactor([...secrets]);
  return {
    redact: (text) => current(text),
    learn(secret) {
      if (secrets.has(secret)) return;
      secrets.add(secret);
      current = createRedactor([...secrets]);
    },
  };
}
