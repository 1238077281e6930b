import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ContextFile, writeContext } from '../../../../src/build/buildkit/context.ts';

let folder: string;
let root: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-context-test-'));
  root = join(folder, 'context');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (path: string, mode: ContextFile['mode'] = 0o644): ContextFile => ({
  path,
  mode,
  content: [new TextEncoder().encode(path.slice(0, 2)), new TextEncoder().encode(path.slice(2))],
});

describe('a build context', () => {
  it('holds files under any name, with the modes that images are to have, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const files = [file('a b/it\'s $HOME \\ "x".bin'), file('run', 0o755)];
      await writeContext(root, {
        directories: [
          { path: 'empty', mode: 0o755 },
          { path: 'open', mode: 0o1777 },
        ],
        files,
      });
    } finally {
      process.umask(before);
    }
    const mode = async (path: string) => (await stat(join(root, path))).mode & 0o7777;
    expect(await mode('empty')).toBe(0o755);
    expect(await mode('open')).toBe(0o1777);
    expect(await mode('a b')).toBe(0o755);
    expect(await mode('run')).toBe(0o755);
    expect(await mode('a b/it\'s $HOME \\ "x".bin')).toBe(0o644);
    expect(await readFile(join(root, 'a b/it\'s $HOME \\ "x".bin'), 'utf8')).toBe('a b/it\'s $HOME \\ "x".bin');
  });

  it.each(['../out', 'a/../../out', '/etc/out', 'a//b', './a', 'a/.', 'nul\0'])('refuses %j', async (path) => {
    await expect(writeContext(root, { directories: [], files: [file(path)] })).rejects.toMatchObject({
      code: 'internal',
    });
    await expect(stat(join(folder, 'out'))).rejects.toThrow('ENOENT');
  });

  it('refuses a path twice, so that no file takes the place of another', async () => {
    await expect(writeContext(root, { directories: [], files: [file('a'), file('a')] })).rejects.toThrow('EEXIST');
  });
});
