import type { Variant } from '../catalog/types.ts';
import { parseRelease, type ReleaseOptions } from '../publish/release/options.ts';

export type ParsedCommand =
  | { kind: 'none' }
  /** `experimental`: on runtimes that are built only when asked for, too. */
  | { kind: 'rebuild'; shorts: 'all' | [string]; variant: Variant | null; experimental: boolean }
  /** `sha` is at least 12 hex digits, lower case. */
  | { kind: 'approve'; sha: string }
  /** `short` null: every model that the repository publishes. */
  | { kind: 'rescan'; short: string | null }
  | { kind: 'release'; options: ReleaseOptions }
  /** Takes over registry repositories. */
  | { kind: 'adopt'; shorts: 'all' | [string] }
  | { kind: 'help' }
  /** Looks like one of ours, but is not; `message` says what to write. */
  | { kind: 'malformed'; message: string };

const SHORT = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const EXPERIMENTAL = '--experimental';
const REBUILD_USAGE = 'write `/rebuild <short> [slim|fat] [--experimental]` or `/rebuild all [--experimental]`';
const RESCAN_USAGE = 'write `/rescan` or `/rescan <short>`';
const ADOPT_USAGE = 'write `/adopt` or `/adopt <short>`';
const APPROVE_USAGE = 'write `/approve <sha>` with at least 12 digits of the commit you looked at';

/**
 * The command of a comment: its first line, if that begins with one of ours. Everything else is conversation, also a slash command
 * of another bot; quoted lines are never commands.
 */
export function parseCommand(body: string): ParsedCommand {
  const [line = ''] = body.trimStart().split(/\r?\n/, 1);
  const [name = '', ...words] = line.trim().split(/\s+/);
  switch (name) {
    case '/help':
      return words.length === 0 ? { kind: 'help' } : { kind: 'none' };
    case '/rebuild':
      return parseRebuild(words);
    case '/rescan':
      return parseRescan(words);
    case '/adopt':
      return parseAdopt(words);
    case '/approve':
      return parseApprove(words);
    case '/release': {
      const parsed = parseRelease(words);
      return parsed.ok ? { kind: 'release', options: parsed.options } : { kind: 'malformed', message: parsed.message };
    }
    default:
      return { kind: 'none' };
  }
}

function parseRebuild(words: string[]): ParsedCommand {
  const malformed: ParsedCommand = { kind: 'malformed', message: REBUILD_USAGE };
  const experimental = words.at(-1) === EXPERIMENTAL;
  const [what, variant, ...more] = experimental ? words.slice(0, -1) : words;
  if (what === undefined || more.length > 0) return malformed;
  if (variant !== undefined && variant !== 'slim' && variant !== 'fat') return malformed;
  if (what === 'all') {
    return variant === undefined ? { kind: 'rebuild', shorts: 'all', variant: null, experimental } : malformed;
  }
  if (what.length > 100 || !SHORT.test(what)) return malformed;
  return { kind: 'rebuild', shorts: [what], variant: variant ?? null, experimental };
}

function parseRescan([short, ...more]: string[]): ParsedCommand {
  if (short === undefined) return { kind: 'rescan', short: null };
  if (more.length > 0 || short.length > 100 || !SHORT.test(short)) return { kind: 'malformed', message: RESCAN_USAGE };
  return { kind: 'rescan', short };
}

function parseAdopt([short, ...more]: string[]): ParsedCommand {
  if (more.length > 0 || (short !== undefined && (short.length > 100 || !SHORT.test(short)))) {
    return { kind: 'malformed', message: ADOPT_USAGE };
  }
  return { kind: 'adopt', shorts: short === undefined || short === 'all' ? 'all' : [short] };
}

function parseApprove([sha, ...more]: string[]): ParsedCommand {
  if (sha === undefined || more.length > 0 || !/^[0-9a-f]{12,40}$/i.test(sha)) {
    return { kind: 'malformed', message: APPROVE_USAGE };
  }
  return { kind: 'approve', sha: sha.toLowerCase() };
}
