import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PublisherError } from '../../errors.ts';

/** A file of the build context. */
export interface ContextFile {
  /** Relative to the context, `/`-separated. Parts may come from the Hub. */
  path: string;
  mode: 0o644 | 0o755;
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A folder that is there even when nothing is in it. */
export interface ContextDirectory {
  path: string;
  mode: 0o755 | 0o1777;
}

/**
 * Writes a build context. `COPY` takes modes from what lies on disk, so they are set, whatever the umask; owners are root's in the image
 * anyway, and times are rewritten. They must not be set here: BuildKit keeps contexts, and takes a file of the same path, size and time for
 * the one it has.
 *
 * @param root a folder that is made
 * @throws PublisherError `internal` for a path that leaves the context; what contents throw
 */
export async function writeContext(
  root: string,
  { directories, files }: { directories: readonly ContextDirectory[]; files: Iterable<ContextFile> },
): Promise<void> {
  await mkdir(root, { mode: 0o755 });
  const made = new Set<string>();
  const makeDirectory = async (path: string, mode = 0o755): Promise<void> => {
    if (path === '.' || made.has(path)) return;
    await makeDirectory(dirname(path));
    await mkdir(join(root, path));
    await chmod(join(root, path), mode);
    made.add(path);
  };
  for (const { path, mode } of directories) await makeDirectory(checked(path), mode);
  for (const { path, mode, content } of files) {
    await makeDirectory(dirname(checked(path)));
    await using file = await open(join(root, path), 'wx', mode);
    for await (const chunk of content) await file.appendFile(chunk);
    await file.chmod(mode);
  }
}

function checked(path: string): string {
  const isInside =
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !path.includes('\0');
  if (isInside) return path;
  throw new PublisherError('internal', `${JSON.stringify(path)} cannot be in a build context.`);
}
