import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ListedFile, writeFiles } from '../../support/entrypoint/model.ts';
import { canIsolate, contentOf, contentOfList, Stage, shells, which } from '../../support/entrypoint/stage.ts';

const UID = 12_345;
const isolated = canIsolate();
const why = isolated ? '' : ' (needs root and mount namespaces)';

/** Commands that run what follows with a read-only root, a fresh /tmp, the stage's folder, and an ordinary user. */
function strangerOn(stage: Stage, tmp = '1777'): string[] {
  chmodSync(stage.folder, 0o755);
  chmodSync(stage.record, 0o777);
  const script = `set -e
    mount --make-rprivate /
    mount --bind "$0" /mnt
    mount -t tmpfs -o mode=${tmp} tmpfs /tmp
    mkdir -p "$0"
    mount --bind /mnt "$0"
    mount -o remount,ro,bind /
    exec "$@"`;
  const user = [`--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
  return [which('unshare') ?? '', '--mount', '/bin/sh', '-c', script, stage.folder, which('setpriv') ?? '', ...user];
}

/** The same for a volume of a given size. */
function volumeOn(stage: Stage, options: string): string[] {
  const script = `mount -t tmpfs -o ${options} tmpfs "$0" && exec "$@"`;
  return [which('unshare') ?? '', '--mount', '/bin/sh', '-c', script, stage.root];
}

// `mount` is not among an image's tools here.
const env = (stage: Stage) => ({ PATH: `${stage.bin}:${process.env.PATH ?? ''}` });

describe.concurrent.each(shells())('in $name, a start', ({ command: shell }) => {
  test.skipIf(!isolated)(`as any user on a read-only root writes only to the volume and /tmp${why}`, async () => {
    await using stage = new Stage({ shell });
    chownSync(stage.root, UID, UID);
    const end = await stage.run([], { ...env(stage), TMPDIR: '/tmp' }, strangerOn(stage));
    expect(end.status, end.stderr).toBe(0);
    expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
    for (const line of ['HF_HOME=/tmp/hf', 'HOME=/tmp/home', 'USER=model'])
      expect(end.stdout).toContain(`env=${line}\n`);
    const theirs = execFileSync('find', [stage.folder, '-uid', String(UID), '-not', '-path', `${stage.root}*`]);
    expect(theirs.toString().replaceAll(stage.record, '')).not.toContain(stage.folder);
  });

  test.skipIf(!isolated)(`of a fat image needs no folder that can be written at all${why}`, async () => {
    await using stage = new Stage({ shell, variant: 'fat' });
    writeFiles(stage.target, stage.files);
    const end = await stage.run([], env(stage), strangerOn(stage, '0755'));
    expect(end.status, end.stderr).toBe(0);
    expect(end.stdout).toContain('engine=vllm');
  });

  test.skipIf(!isolated)(`on a volume of somebody else says who may not write, and what to do${why}`, async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { ...env(stage), TMPDIR: '/tmp' }, strangerOn(stage));
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toContain(`cannot write to ${stage.root} as uid ${UID}`);
    expect(end.stderr).toMatch(/chown .* --user/);
  });

  test.skipIf(!isolated)(`on a volume that may not be written is fine when the model is there${why}`, async () => {
    await using stage = new Stage({ shell });
    await stage.run();
    const end = await stage.run([], { ...env(stage), TMPDIR: '/tmp' }, strangerOn(stage));
    expect(end.status, end.stderr).toBe(0);
  });

  test.skipIf(!isolated)(`on a volume that is too small names needed and available bytes${why}`, async () => {
    const files: ListedFile[] = [{ path: 'big.bin', content: Buffer.alloc(300_000, 'x') }];
    await using stage = new Stage({ shell, files });
    const end = await stage.run([], env(stage), volumeOn(stage, 'size=256k'));
    expect(end).toMatchObject({ status: 1, stdout: '' });
    const needed = 300_000 + 4096 + 1_048_576;
    expect(end.stderr).toMatch(
      new RegExp(`needed ${needed} bytes \\(1\\.3 MB\\), available 2\\d+ bytes \\(2\\d\\d\\.\\d kB\\)`),
    );
    expect(stage.fetched()).toEqual([]);
  });

  test.skipIf(!isolated)(`on a volume that fills up although it seemed large enough says so${why}`, async () => {
    const files = Array.from(
      { length: 40 },
      (_, at): ListedFile => ({ path: `${at}.bin`, content: Buffer.from(`${at}`) }),
    );
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    await using stage = new Stage({ shell, files });
    // No more files can be made, while df still tells of free bytes.
    for (const status of ['1', '0']) {
      const end = await stage.run([], { ...env(stage), COPY_STATUS: status }, volumeOn(stage, 'nr_inodes=24'));
      expect(end).toMatchObject({ status: 1, stdout: '' });
      expect(end.stderr).toContain(`no space left under ${stage.root}`);
    }
    expect(readdirSync(join(stage.tmp))).toEqual([]);
  });
});

describe('the entrypoint', () => {
  const shellcheck = which('shellcheck');

  test.skipIf(shellcheck === undefined)(
    `is clean POSIX sh${shellcheck ? '' : ' (shellcheck is not installed here)'}`,
    () => {
      const script = join(import.meta.dirname, '../../../docker/entrypoint.sh');
      expect(execFileSync(shellcheck ?? '', ['-s', 'sh', script]).toString()).toBe('');
    },
  );
});
