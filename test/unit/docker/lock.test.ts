import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  appeared,
  contentOf,
  contentOfList,
  gone,
  isAlive,
  type Run,
  Stage,
  shells,
  which,
} from '../../support/entrypoint/stage.ts';

const SHARD = 'model-00002-of-00002.safetensors';
/** Seconds; long enough for a live holder on a busy machine to be heard. */
const SOON = { MODEL_IMAGE_LOCK_STALE: '3' };
const WAITING = 'another replica is downloading';

const locks = which('flock') === undefined ? [] : (['flock'] as const);
const cases = shells().flatMap((shell) => [
  ...locks.map(() => ({ ...shell, lock: 'flock', tools: ['hf', 'flock'] as const })),
  { ...shell, lock: 'a lock directory', tools: ['hf'] as const },
]);

async function hanging(stage: Stage): Promise<number> {
  const path = join(stage.record, 'hanging');
  await appeared(path);
  return Number(readFileSync(path, 'utf8'));
}

function expectWhole(stage: Stage): void {
  expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
  expect(stage.fetched().sort()).toEqual([...new Set(stage.fetched())].sort());
}

/** The entrypoint and everything below it. */
function tree(run: Run): number[] {
  const pids = [run.child.pid ?? 0];
  for (const pid of pids) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    pids.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return pids;
}

describe.concurrent.each(cases)('in $name, with $lock', ({ command: shell, lock, tools }) => {
  test('one of two replicas downloads; the other waits, says so, and starts from it', async () => {
    await using stage = new Stage({ shell, tools });
    const gate = join(stage.folder, 'gate');
    const first = stage.start([], { FAULT: `gate:${gate}` });
    await appeared(join(stage.record, 'hf'));
    const second = stage.start();
    await second.printed(WAITING);
    writeFileSync(gate, '');
    const ends = await Promise.all([first.ended, second.ended]);
    for (const end of ends) {
      expect(end.status, end.stderr).toBe(0);
      expect(end.stdout).toContain('engine=vllm');
    }
    expect(ends[0].stderr).not.toContain(WAITING);
    expectWhole(stage);
    expect(readdirSync(stage.root).filter((name) => name.includes('.lock.d'))).toEqual([]);
  });

  test('a download killed half-way keeps neither the lock nor its downloader, and is gone on with', async () => {
    await using stage = new Stage({ shell, tools });
    const first = stage.start([], { FAULT: `hang:${SHARD}` });
    const downloader = await hanging(stage);
    first.child.kill('SIGKILL');
    await first.ended;
    await gone(downloader);
    const before = stage.fetched();
    const second = await stage.run([], SOON);
    expect(second.status, second.stderr).toBe(0);
    expect(second.stderr).toContain('already here and verified');
    if (lock === 'flock') expect(second.stderr).not.toContain(WAITING);
    expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
    const twice = stage
      .fetched()
      .slice(before.length)
      .filter((name) => before.includes(name));
    expect(twice).toEqual([SHARD]);
    expect(readdirSync(stage.tmp)).toEqual([]);
  });

  test('SIGTERM during a download stops the downloader, frees the lock, and exits 143', async () => {
    await using stage = new Stage({ shell, tools });
    const first = stage.start([], { FAULT: `hang:${SHARD}` });
    const downloader = await hanging(stage);
    first.child.kill('SIGTERM');
    const end = await first.ended;
    expect(end).toMatchObject({ status: 143, stdout: '', stderr: expect.stringContaining('stopped by a signal') });
    await gone(downloader);
    expect(readdirSync(stage.tmp)).toEqual([]);
    const second = await stage.run();
    expect(second.status, second.stderr).toBe(0);
    expect(second.stderr).not.toContain(WAITING);
  });

  test('SIGTERM while waiting ends the wait at once and leaves the lock with its holder', async () => {
    await using stage = new Stage({ shell, tools });
    const gate = join(stage.folder, 'gate');
    const first = stage.start([], { FAULT: `gate:${gate}` });
    await appeared(join(stage.record, 'hf'));
    const second = stage.start();
    await second.printed(WAITING);
    second.child.kill('SIGTERM');
    expect(await second.ended).toMatchObject({ status: 143 });
    writeFileSync(gate, '');
    expect((await first.ended).status).toBe(0);
    expectWhole(stage);
  });

  test('the engine inherits neither the lock nor a child of the script', async () => {
    await using stage = new Stage({ shell, tools });
    const run = stage.start([], { ENGINE: 'wait' });
    await run.printed('waiting');
    expect(run.stdout).not.toContain('held=');
    const children = tree(run).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    expect(children.filter((line) => line.includes('entrypoint.sh'))).toEqual([]);
  });
});

describe.concurrent.each(cases.filter(({ lock }) => lock !== 'flock'))(
  'in $name, a lock directory',
  ({ command: shell }) => {
    test('of a dead holder goes to exactly one of the waiting', async () => {
      await using stage = new Stage({ shell, tools: ['hf'] });
      mkdirSync(join(stage.root, '.tiny.lock.d'));
      writeFileSync(join(stage.root, '.tiny.lock.d/beat'), '0 dead 17\n');
      const ends = await Promise.all([1, 2, 3].map(() => stage.run([], SOON)));
      for (const end of ends) expect(end.status, end.stderr).toBe(0);
      expect(ends.filter((end) => end.stderr.includes('taking over'))).toHaveLength(1);
      expectWhole(stage);
    });

    test('of a winner that died in taking over goes to the next', async () => {
      await using stage = new Stage({ shell, tools: ['hf'] });
      mkdirSync(join(stage.root, '.tiny.lock.d/takeover-1'), { recursive: true });
      const end = await stage.run([], SOON);
      expect(end.status, end.stderr).toBe(0);
      expectWhole(stage);
    });

    test('is lost by a holder that was silent for too long, who then stops', async () => {
      await using stage = new Stage({ shell, tools: ['hf'] });
      const first = stage.start([], { FAULT: `hang:${SHARD}` });
      const downloader = await hanging(stage);
      const frozen = tree(first);
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      const second = await stage.run([], SOON);
      expect(second.status, second.stderr).toBe(0);
      expect(second.stderr).toContain('taking over');
      for (const pid of frozen) if (isAlive(pid)) process.kill(pid, 'SIGCONT');
      const end = await first.ended;
      expect(end).toMatchObject({ status: 1, stdout: '' });
      expect(end.stderr).toContain('another replica took the lock');
      await gone(downloader);
      expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
    });
  },
);
