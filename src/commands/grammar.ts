import type { Variant } from '../catalog/types.ts';

export type ParsedCommand =
  | { kind: 'none' }
  | { kind: 'rebuild'; shorts: 'all' | [string]; variant: Variant | null }
  | { kind: 'help' }
  /** Looks like one of ours, but is not; `message` says what to write. */
  | { kind: 'malformed'; message: string };

const SHORT = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const REBUILD_USAGE = 'write `/rebuild <short> [slim|fat]` or `/rebuild all`';

/**
 * The command of a comment: its first line, if that begins with one of ours. Everything else is conversation, also a slash command
 * of another bot; quoted lines are never commands.
 */
export function parseCommand(body: string): ParsedCommand {
  const [line = ''] = body.trimStart().split(/\r?\n/, 1);
  const [name = '', ...words] = line.trim().split(/\s+/);
  if (name === '/help' && words.length === 0) return { kind: 'help' };
  if (name !== '/rebuild') return { kind: 'none' };
  const [what, variant, ...more] = words;
  if (what === undefined || more.length > 0) return { kind: 'malformed', message: REBUILD_USAGE };
  if (variant !== undefined && variant !== 'slim' && variant !== 'fat')
    return { kind: 'malformed', message: REBUILD_USAGE };
  if (what === 'all') {
    return variant === undefined
      ? { kind: 'rebuild', shorts: 'all', variant: null }
      : { kind: 'malformed', message: REBUILD_USAGE };
  }
  if (what.length > 100 || !SHORT.test(what)) return { kind: 'malformed', message: REBUILD_USAGE };
  return { kind: 'rebuild', shorts: [what], variant: variant ?? null };
}
