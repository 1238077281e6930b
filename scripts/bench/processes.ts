import { readdir, readFile } from 'node:fs/promises';

/** What Linux keeps of a process, its waited-for children included where it says "all". */
interface ProcessFacts {
  pid: number;
  parent: number;
  name: string;
  /** Seconds in user and system mode, of itself and of children it has waited for. */
  allCpu: number;
  /** Seconds, of the waited-for children alone. */
  childrenCpu: number;
}

/** USER_HZ, which is 100 wherever Linux runs Node. */
const TICKS = 100;

export async function processFacts(pid: number): Promise<ProcessFacts | null> {
  const text = await read(pid, 'stat');
  // The name stands in brackets and may hold anything.
  const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(text) ?? [];
  if (rest === '') return null;
  const fields = rest.split(' ').map(Number);
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15);
  const childrenCpu = (childrenUser + childrenSystem) / TICKS;
  return { pid, parent: fields[1] ?? 0, name, allCpu: (user + system) / TICKS + childrenCpu, childrenCpu };
}

/** Bytes a process and its waited-for children made dirty on storage. */
export async function writtenBytes(pid: number): Promise<number> {
  return Number(/^write_bytes: (\d+)/m.exec(await read(pid, 'io'))?.[1] ?? 0);
}

/** Bytes of memory: at the moment, and at most so far. */
export async function residentBytes(pid: number): Promise<{ now: number; peak: number }> {
  const status = await read(pid, 'status');
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}

/** The processes below some others, those included, without the ones below `except`. */
export async function treeOf(roots: readonly number[], except: ReadonlySet<number>): Promise<number[]> {
  const entries = await readdir('/proc');
  const all = await Promise.all(entries.filter((name) => /^\d+$/.test(name)).map((name) => processFacts(Number(name))));
  const children = new Map<number, number[]>();
  for (const found of all) {
    if (found === null) continue;
    const siblings = children.get(found.parent);
    if (siblings === undefined) children.set(found.parent, [found.pid]);
    else siblings.push(found.pid);
  }
  const tree = [...roots];
  // Grows while it is walked.
  for (const pid of tree) tree.push(...(children.get(pid) ?? []).filter((child) => !except.has(child)));
  return tree;
}

const read = (pid: number, file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
