/*
 * The lock on DATA_DIR. PGlite opens a folder twice without complaint and damages it, and Node has no flock(2); so:
 *
 *   DATA_DIR/lock/holder.N   one file per holder, N growing by one each time. The highest N is the lock.
 *
 *                 link(2): exactly one process can create N+1
 *   ┌──────┐  highest is released, its process is dead,      ┌──────┐   beat: its mtime is set     ┌──────┐
 *   │ free │ ───────── or its heartbeat stands still ──────▶ │ held │ ──── every beatMs, then ───▶ │ held │
 *   └──────┘                                                 └──────┘      N is still highest      └──────┘
 *                                                              │   │
 *                                 release: "released" written  │   │  a higher N exists, or no beat went
 *                                 into it, never deleted       ▼   ▼  through for staleMs: `lost` aborts
 *                                                           free   lost
 *
 * The highest file is never deleted, only ones below it. So a slow process that decided long ago that N was dead and
 * now creates an N+1 that others have already used and cleaned up finds a higher file afterwards and withdraws.
 * A holder elsewhere (another container on the volume) is judged by watching its mtime with our own clock, so that
 * the two clocks need not agree. Whoever takes over from a silent holder waits two beats before using the folder: a
 * holder that was only suspended wakes up, beats, sees the higher number and stops.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, systemClock } from '../clock.ts';
import { messageOf, PublisherError } from '../errors.ts';
import { liveness, ownIdentity, type ProcessIdentity, processIdentity } from './process-identity.ts';

export interface LockOptions {
  /** Milliseconds between heartbeats. */
  beatMs?: number;
  /** Milliseconds without a heartbeat after which a holder whose process cannot be looked at counts as gone. */
  staleMs?: number;
  clock?: Clock;
  /** Stands in for this process in tests. */
  identity?: ProcessIdentity;
}

export interface FolderLock {
  /** Aborted when another process has taken the folder over. */
  lost: AbortSignal;
  release(): Promise<void>;
}

const holderFile = z.object({
  holder: processIdentity,
  /** ISO 8601. */
  since: z.string(),
  released: z.boolean(),
});
type HolderFile = z.infer<typeof holderFile>;

interface Settings {
  dir: string;
  beatMs: number;
  staleMs: number;
  clock: Clock;
  identity: ProcessIdentity;
}

/**
 * Takes the lock of a data folder, waiting up to `staleMs` to see whether a holder on another machine is alive.
 * @throws PublisherError `busy` naming the holder
 */
export async function lockFolder(dataDir: string, options: LockOptions = {}): Promise<FolderLock> {
  const settings: Settings = {
    dir: join(dataDir, 'lock'),
    beatMs: options.beatMs ?? 2_000,
    staleMs: options.staleMs ?? 15_000,
    clock: options.clock ?? systemClock,
    identity: options.identity ?? ownIdentity(),
  };
  await mkdir(settings.dir, { recursive: true });
  for (;;) {
    const highest = (await generations(settings.dir)).at(-1) ?? 0;
    const verdict = highest === 0 ? 'free' : await judge(settings, highest, dataDir);
    if (verdict === 'gone') continue;
    const own = await claim(settings, highest + 1);
    if (own === null) continue;
    if (verdict === 'silent') await settings.clock.sleep(2 * settings.beatMs);
    return hold(settings, own);
  }
}

/** Whether the lock may be taken: `free`, `silent` (free, but its holder might wake up), or `gone` (look again). */
async function judge(settings: Settings, generation: number, dataDir: string): Promise<'free' | 'silent' | 'gone'> {
  const file = await readHolder(settings.dir, generation);
  if (file === null) return 'gone';
  if (file.released) return 'free';
  const alive = liveness(file.holder);
  if (alive === 'dead') return 'free';
  if (alive === 'unknown' && (await isSilent(settings, generation))) return 'silent';
  const { pid, host } = file.holder;
  throw new PublisherError(
    'busy',
    `The bot is using this folder (${dataDir}: pid ${pid} on ${host}, since ${file.since}): stop it, or set DATA_DIR to another folder.`,
  );
}

async function isSilent({ dir, beatMs, staleMs, clock }: Settings, generation: number): Promise<boolean> {
  const first = await beatOf(dir, generation);
  const until = clock.now() + staleMs;
  while (clock.now() < until) {
    await clock.sleep(Math.min(beatMs, Math.max(1, until - clock.now())));
    if ((await beatOf(dir, generation)) !== first) return false;
  }
  return true;
}

/** Creates the next generation, complete from its first moment; null when somebody else was faster. */
async function claim({ dir, clock, identity }: Settings, generation: number): Promise<number | null> {
  const content: HolderFile = { holder: identity, since: new Date(clock.now()).toISOString(), released: false };
  const draft = await writeDraft(dir, content);
  try {
    await link(draft, holderPath(dir, generation));
  } catch (error) {
    if (isCode(error, 'EEXIST')) return null;
    throw new PublisherError('environment', `Cannot lock ${dir}: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(draft, { force: true });
  }
  const all = await generations(dir);
  if (all.at(-1) !== generation) {
    await rm(holderPath(dir, generation), { force: true });
    return null;
  }
  return generation;
}

function hold(settings: Settings, generation: number): FolderLock {
  const { dir, beatMs, staleMs, clock, identity } = settings;
  const lost = new AbortController();
  const stopped = new AbortController();
  const lose = (why: string) =>
    lost.abort(
      new PublisherError('busy', `The lock on ${dir} is lost (${why}): stopping before two processes use it.`),
    );

  const beating = (async () => {
    let beaten = clock.now();
    while (!stopped.signal.aborted && !lost.signal.aborted) {
      try {
        const at = clock.now();
        await utimes(holderPath(dir, generation), at / 1000, at / 1000);
        const all = await generations(dir);
        if (all.at(-1) !== generation) return lose('another process has taken it over');
        beaten = at;
        await Promise.all(all.slice(0, -1).map((older) => rm(holderPath(dir, older), { force: true })));
      } catch (error) {
        if (isCode(error, 'ENOENT')) return lose('its file is gone');
        if (clock.now() - beaten > staleMs) return lose(messageOf(error));
      }
      await clock.sleep(beatMs, stopped.signal).catch(() => undefined);
    }
  })();

  return {
    lost: lost.signal,
    release: async () => {
      if (stopped.signal.aborted) return;
      stopped.abort();
      await beating;
      if (lost.signal.aborted) return;
      const draft = await writeDraft(dir, {
        holder: identity,
        since: new Date(clock.now()).toISOString(),
        released: true,
      });
      await rename(draft, holderPath(dir, generation));
    },
  };
}

/** Ascending. */
async function generations(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names
    .map((name) => /^holder\.(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** null when it was cleaned up meanwhile. A damaged file counts as released by nobody known: it is judged by its beat. */
async function readHolder(dir: string, generation: number): Promise<HolderFile | null> {
  let text: string;
  try {
    text = await readFile(holderPath(dir, generation), 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
  const parsed = holderFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  return {
    holder: { host: 'an unknown host', pid: 0, realm: 'unreadable', startTicks: null },
    since: 'an unknown time',
    released: false,
  };
}

async function beatOf(dir: string, generation: number): Promise<number | null> {
  try {
    return (await stat(holderPath(dir, generation))).mtimeMs;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

async function writeDraft(dir: string, content: HolderFile): Promise<string> {
  const path = join(dir, `draft.${randomUUID()}`);
  await writeFile(path, JSON.stringify(content), { flag: 'wx' });
  return path;
}

const holderPath = (dir: string, generation: number) => join(dir, `holder.${generation}`);

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
