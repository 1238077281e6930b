import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { type ListedFile, listText, MODEL, REVISION, SHORT, tinyModel, writeFiles } from './model.ts';

const ENTRYPOINT = join(import.meta.dirname, '../../../docker/entrypoint.sh');
const STAND_INS = join(import.meta.dirname, 'bin');
const ENGINES = ['vllm', 'llama-server', 'python3'];

/** What the script may count on in any image: a POSIX base, nothing that downloads or locks. */
const BASE_TOOLS =
  'cat chmod cp cut df du env expr grep head id ln ls mkdir mktemp mv od printf ps readlink rm rmdir sed sha1sum sha256sum sh sleep stat tail touch tr wc';

/** The path of a tool of this machine, or undefined. */
export function which(tool: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, tool);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

/** The shells of this machine that images have as /bin/sh, each once. */
export function shells(): { name: string; command: string[] }[] {
  const found = [
    { name: 'dash', command: [which('dash') ?? ''] },
    { name: 'busybox sh', command: [which('busybox') ?? '', 'sh'] },
    { name: 'bash --posix', command: [which('bash') ?? '', '--posix'] },
  ].filter((shell) => shell.command[0] !== '');
  const sh = realpathSync(which('sh') ?? '/bin/sh');
  const known = found.some((shell) => realpathSync(shell.command[0] ?? '') === sh);
  return known ? found : [{ name: 'sh', command: [sh] }, ...found];
}

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** One started container, so to speak. */
export class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      child.on('close', (status, signal) => resolve({ status, signal, stdout: this.stdout, stderr: this.stderr }));
    });
  }

  /** Resolves when `text` has been printed; rejects when the run ends without it. */
  printed(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.stdout.includes(text) || this.stderr.includes(text)) resolve();
      };
      this.child.stdout?.on('data', look);
      this.child.stderr?.on('data', look);
      look();
      this.ended.then((end) => reject(new Error(`ended without "${text}": ${end.status} ${end.stdout}${end.stderr}`)));
    });
  }
}

export interface StageOptions {
  shell: readonly string[];
  files?: readonly ListedFile[];
  variant?: 'slim' | 'fat';
  engine?: 'vllm' | 'sglang' | 'llamacpp';
  serveArgs?: readonly string[];
  /** Downloaders and lockers to have besides the POSIX base; `hf` is the stand-in, the others are real and recorded. */
  tools?: readonly ('hf' | 'curl' | 'wget' | 'busybox-wget' | 'flock')[];
  engines?: readonly string[];
}

/** An image's folders on this machine: /etc/model-image, /models, /tmp, a PATH, and a Hub's files for the stand-in. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'entrypoint-'));
  readonly root = join(this.folder, 'models');
  readonly etc = join(this.folder, 'etc');
  readonly tmp = join(this.folder, 'tmp');
  readonly home = join(this.folder, 'home');
  readonly hub = join(this.folder, 'hub');
  readonly record = join(this.folder, 'record');
  readonly bin = join(this.folder, 'bin');
  readonly script = join(this.folder, 'entrypoint.sh');
  readonly target = join(this.root, SHORT);
  readonly partial = join(this.root, `.${SHORT}.partial`);
  readonly files: readonly ListedFile[];
  readonly options: StageOptions;
  revision = REVISION;
  private readonly runs: Run[] = [];

  constructor(options: StageOptions) {
    this.options = options;
    this.files = options.files ?? tinyModel();
    const realTools = join(this.folder, 'real');
    for (const folder of [this.root, this.etc, this.tmp, this.home, this.record, this.bin, realTools]) {
      mkdirSync(folder, { recursive: true });
    }
    for (const tool of BASE_TOOLS.split(' ')) symlinkSync(which(tool) ?? `/missing/${tool}`, join(this.bin, tool));
    cpSync(join(STAND_INS, 'sync'), join(this.bin, 'sync'));
    for (const tool of options.tools ?? ['hf', 'flock']) {
      if (tool === 'hf') cpSync(join(STAND_INS, 'hf'), join(this.bin, 'hf'));
      else if (tool === 'flock') symlinkSync(which('flock') ?? '/missing/flock', join(this.bin, 'flock'));
      else {
        const [name, real] = tool === 'busybox-wget' ? ['wget', which('busybox')] : [tool, which(tool)];
        symlinkSync(real ?? `/missing/${tool}`, join(realTools, name));
        cpSync(join(STAND_INS, 'recorded'), join(this.bin, name));
      }
    }
    for (const engine of options.engines ?? ENGINES) cpSync(join(STAND_INS, 'engine'), join(this.bin, engine));
    cpSync(ENTRYPOINT, this.script);
    writeFiles(this.hub, this.files);
    this.describe(this.files);
    writeFileSync(join(this.etc, 'serve-args'), (options.serveArgs ?? []).map((arg) => `${arg}\n`).join(''));
  }

  /** Writes image.conf and files.json, as the image of that revision would hold them. */
  describe(files: readonly ListedFile[], revision = REVISION): void {
    this.revision = revision;
    const list = listText(files, MODEL, revision);
    writeFileSync(join(this.etc, 'files.json'), list);
    const conf = {
      format: '1',
      variant: this.options.variant ?? 'slim',
      engine: this.options.engine ?? 'vllm',
      id: MODEL,
      short: SHORT,
      revision,
      root: this.root,
      list: createHash('sha256').update(list).digest('hex'),
      hf_home: join(this.home, 'hf'),
    };
    const lines = Object.entries(conf).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(this.etc, 'image.conf'), lines.join(''));
  }

  environment(extra: Record<string, string> = {}): Record<string, string> {
    return {
      PATH: this.bin,
      HOME: this.home,
      TMPDIR: this.tmp,
      MODEL_IMAGE_ETC: this.etc,
      MODEL_IMAGE_RETRY_DELAY: '0',
      MODEL_IMAGE_LOCK_STALE: '30',
      HUB_FILES: this.hub,
      HUB_MODEL: `${MODEL}@${this.revision}`,
      RECORD: this.record,
      REAL_TOOLS: join(this.folder, 'real'),
      PYTHON_PACKAGES: 'vllm sglang',
      ...extra,
    };
  }

  /** Starts the script; `before` are commands around it (setpriv, unshare). */
  start(args: readonly string[] = [], env: Record<string, string> = {}, before: readonly string[] = []): Run {
    const [command = '', ...rest] = [...before, ...this.options.shell, this.script, ...args];
    const child = spawn(command, rest, { env: this.environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    const run = new Run(child);
    this.runs.push(run);
    return run;
  }

  run(args: readonly string[] = [], env: Record<string, string> = {}, before: readonly string[] = []): Promise<Ended> {
    return this.start(args, env, before).ended;
  }

  /** The names the stand-in was asked for, in order; empty when it never ran. */
  fetched(): string[] {
    return this.recorded('fetched');
  }

  recorded(name: string): string[] {
    const path = join(this.record, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Kills what still runs and deletes the folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const run of this.runs) run.child.kill('SIGKILL');
    await Promise.all(this.runs.map((run) => run.ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Resolves when a file exists: what another process says by making it. */
export async function appeared(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Is a process of that number alive? Zombies are not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when a process has ended; a signal takes its time under load. */
export async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Every file below a folder with its content, except our marker. */
export function contentOf(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  const named = paths.map((path): [string, string] => [relative(folder, path), readFileSync(path, 'hex')]);
  return new Map(named.filter(([name]) => name !== '.model-image'));
}

/** The same for a list. */
export function contentOfList(files: readonly ListedFile[]): Map<string, string> {
  const named = files.map((file): [string, string] => [file.path, file.content.toString('hex')]);
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Can this machine run a command as another user with a read-only root? */
export function canIsolate(): boolean {
  if (process.getuid?.() !== 0 || which('setpriv') === undefined || which('unshare') === undefined) return false;
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
