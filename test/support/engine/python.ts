import { execFile } from 'node:child_process';
import { access, chmod, cp, mkdir, mkdtemp, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PYTHON = '/usr/bin/python3';
/** As every Debian-like base has it: what a killed container locked is free at once. */
const FLOCK = '/usr/bin/flock';
const CLIENT = 'huggingface_hub==2.4.0';
const HF = `#!${PYTHON}
import sys
sys.path.insert(0, '/opt/hf')
from huggingface_hub.cli.hf import main
sys.argv[0] = 'hf'
sys.exit(main())
`;

/**
 * A root folder with this machine's own Python (Debian's `python3`) and Hugging Face's own client, `hf`, on it. Made once and kept in
 * `PUBLISHER_TEST_CACHE` or the user's cache folder.
 *
 * @returns the folder, or why it cannot be made here
 */
export async function pythonRoot(): Promise<{ folder: string } | { missing: string }> {
  const cache = process.env.PUBLISHER_TEST_CACHE ?? join(homedir(), '.cache', 'model-image-publisher-tests');
  try {
    const version = (await run(PYTHON, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])).stdout.trim();
    const folder = join(cache, `python-${version}-${CLIENT}-flock`);
    if (!(await exists(folder))) await make(folder, cache, version);
    return { folder };
  } catch (error) {
    return {
      missing: `no Python with the hf client: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
    };
  }
}

async function make(folder: string, cache: string, version: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'unfinished-'));
  try {
    const library = `/usr/lib/python${version}`;
    await mkdir(join(unfinished, 'usr/bin'), { recursive: true });
    for (const program of [PYTHON, FLOCK]) await cp(await realpath(program), join(unfinished, program));
    await cp(library, join(unfinished, library), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\/(__pycache__|test|config-[^/]*|ensurepip|idlelib|lib2to3)$/.test(path),
    });
    const target = join(unfinished, 'opt/hf');
    const only = ['--only-binary=:all:', '--python-version', version, '--implementation', 'cp'];
    await run('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--root-user-action=ignore',
      '--target',
      target,
      ...only,
      CLIENT,
    ]);
    await writeFile(join(unfinished, 'usr/bin/hf'), HF, { mode: 0o755 });
    for (const path of await librariesOf(unfinished)) {
      await mkdir(dirname(join(unfinished, path)), { recursive: true });
      await cp(await realpath(path), join(unfinished, path));
    }
    await chmod(unfinished, 0o755);
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Absolute paths of all shared libraries that programs and extension modules below a folder ask the loader for, the loader included. */
async function librariesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const modules = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.so'))
    .map((entry) => join(entry.parentPath, entry.name));
  const { stdout } = await run('ldd', [join(folder, PYTHON), join(folder, FLOCK), ...modules], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const found = [...stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  return [...new Set(found)];
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
