import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { find, run } from '../../src/exec.ts';

const node = process.execPath;
const script = (code: string) => ['-e', code];

describe('a program that ends well', () => {
  test('gives its output, exit code and duration', async () => {
    const result = await run(node, script('console.log("out"); console.error("err")'));
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exitCode: 0 });
    expect(result.durationMs).toBeGreaterThan(0);
  });

  test('is given its standard input, or none', async () => {
    const echo = script('process.stdin.pipe(process.stdout)');
    expect(await run(node, echo, { stdin: 'hello' })).toMatchObject({ stdout: 'hello' });
    expect(await run(node, echo)).toMatchObject({ stdout: '' });
  });

  test('gets its arguments as they are, through no shell', async () => {
    const { stdout } = await run(node, [...script('console.log(process.argv.slice(1).join())'), '$HOME;ls', '*']);
    expect(stdout).toBe('$HOME;ls,*\n');
  });

  test('sees PATH, HOME and what it is given, nothing else', async () => {
    process.env.CANARY_SECRET = 'canary';
    const { stdout } = await run(node, script('console.log(Object.keys(process.env).sort().join())'), {
      env: { GIVEN: '1' },
    });
    delete process.env.CANARY_SECRET;
    expect(
      stdout
        .trim()
        .split(',')
        .filter((name) => !name.startsWith('__')),
    ).toEqual(['GIVEN', 'HOME', 'PATH']);
  });

  test('works in an empty folder of its own, which is gone afterwards', async () => {
    const { stdout } = await run(node, script('console.log(process.cwd() + " " + fs.readdirSync(".").length)'));
    const [folder = '', entries] = stdout.trim().split(' ');
    expect(entries).toBe('0');
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a program that does not, is told apart:', () => {
  test('it is not there', async () => {
    await expect(run('no-such-program', [])).rejects.toMatchObject({
      code: 'environment',
      message: 'no-such-program was not found: install it, or put it on PATH.',
    });
  });

  test('its working directory is not there', async () => {
    await expect(run(node, [], { cwd: '/no/such/folder' })).rejects.toMatchObject({
      message: expect.stringContaining('/no/such/folder'),
    });
  });

  test('it exits with a code, and what it said last is quoted without secrets', async () => {
    const failing = run(
      node,
      script('for (let i = 0; i < 9; i++) console.error("line", i, "canary"); process.exit(3)'),
      {
        redact: (text) => text.replaceAll('canary', '***'),
      },
    );
    await expect(failing).rejects.toMatchObject({
      code: 'internal',
      message: `${node} ended with exit code 3: line 4 *** | line 5 *** | line 6 *** | line 7 *** | line 8 ***`,
    });
  });

  test('its exit code is an answer when the caller says so', async () => {
    expect(await run(node, script('process.exit(3)'), { check: false })).toMatchObject({ exitCode: 3 });
  });

  test('it takes too long', async () => {
    await expect(run(node, script('setInterval(() => {}, 1000)'), { timeoutMs: 200 })).rejects.toMatchObject({
      message: `${node} did not end within 0.2 s.`,
    });
  });

  test('it is killed by a signal', async () => {
    await expect(run(node, script('process.kill(process.pid, "SIGKILL")'), { check: false })).rejects.toMatchObject({
      message: `${node} was killed by SIGKILL.`,
    });
  });

  test('it says too much', async () => {
    await expect(
      run(node, script('for (;;) console.log("x".repeat(1000))'), { maxBytes: 10_000 }),
    ).rejects.toMatchObject({
      message: `${node} wrote more than 10000 bytes.`,
    });
  });

  test('it is cancelled, before it starts or while it runs', async () => {
    await expect(run(node, [], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    await expect(run(node, script('setInterval(() => {}, 1000)'), { signal: controller.signal })).rejects.toMatchObject(
      {
        code: 'cancelled',
        message: `${node} was cancelled.`,
      },
    );
  });

  test('it leaves no folder behind', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('publisher-run-'));
    await run(node, script('process.exit(1)')).catch(() => undefined);
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('publisher-run-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });
});

describe('finding a program', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'publisher-find-'));
    await writeFile(join(folder, 'tool'), '#!/bin/sh\n');
    await chmod(join(folder, 'tool'), 0o755);
    await writeFile(join(folder, 'text'), '');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('looks through the path, for files that may be executed', async () => {
    expect(await find('tool', `/no/such:${folder}`)).toBe(join(folder, 'tool'));
    expect(await find('text', folder)).toBeNull();
    expect(await find('no-such-program', folder)).toBeNull();
    expect(await find('.', folder)).toBeNull();
  });

  test('takes a path as it is', async () => {
    expect(await find(join(folder, 'tool'), '')).toBe(join(folder, 'tool'));
  });
});
