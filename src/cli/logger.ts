import type { Logger } from '../log.ts';
import type { Output } from './output.ts';

/** Warnings and errors of the clients, as lines for people on stderr. */
export function cliLogger(output: Output, verbose: boolean): Logger {
  const line = (fields: object, message: string) => {
    const told = Object.entries(fields).map(
      ([key, value]) => `${key}=${value instanceof Error ? value.message : String(value)}`,
    );
    output.say([message, ...told].join(' '));
  };
  return { debug() {}, info: verbose ? line : () => {}, warn: verbose ? line : () => {}, error: line };
}
