import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

/** Who a process is, precisely enough for another one to say later that it is gone. */
export const processIdentity = z.object({
  host: z.string(),
  pid: z.number().int(),
  /** Boot and process namespace on Linux, where a pid means something; null elsewhere. */
  realm: z.string().nullable(),
  /** Clock ticks since boot at which the process started: tells it from a later one with its pid. null off Linux. */
  startTicks: z.string().nullable(),
});
export type ProcessIdentity = z.infer<typeof processIdentity>;

export function ownIdentity(): ProcessIdentity {
  return { host: hostname(), pid: process.pid, realm: realm(), startTicks: startTicks(process.pid) };
}

/**
 * Whether the process still runs: `unknown` when it belongs to another machine or container, whose pids say nothing here.
 */
export function liveness(of: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  const here = realm();
  if (of.realm !== here || (here === null && of.host !== hostname())) return 'unknown';
  if (!exists(of.pid)) return 'dead';
  // Off Linux a pid may have been given to somebody else since: the heartbeat decides then.
  if (of.startTicks === null) return 'unknown';
  return startTicks(of.pid) === of.startTicks ? 'alive' : 'dead';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function realm(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

/** Field 22 of /proc/PID/stat, see proc_pid_stat(5); null for a process that is gone or a zombie. */
function startTicks(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name is in parentheses and may itself hold any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
