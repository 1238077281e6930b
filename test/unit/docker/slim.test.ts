import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ListedFile, MODEL, REVISION, writeFiles } from '../../support/entrypoint/model.ts';
import { contentOf, contentOfList, type Ended, Stage, shells } from '../../support/entrypoint/stage.ts';

const NEXT = 'fedcba9876543210fedcba9876543210fedcba98';
const SHARD = 'model-00002-of-00002.safetensors';

/** What a stage's model folder holds equals its list, file for file, and nothing else is left of the download. */
function expectWhole(stage: Stage, files: readonly ListedFile[] = stage.files): void {
  expect(contentOf(stage.target)).toEqual(contentOfList(files));
  const rest = readdirSync(stage.root).filter((name) => !name.includes('.lock') && !name.includes('foreign'));
  expect(rest).toEqual(['tiny']);
}

function expectStarted(end: Ended): void {
  expect(end.status, end.stderr).toBe(0);
  expect(end.stdout).toContain('engine=');
}

/** A later revision: one file other, one new, one gone, the rest the same. */
function nextRevision(stage: Stage): ListedFile[] {
  const changed = stage.files.filter((file) => file.path !== 'config.json' && file.path !== 'empty');
  const files = [...changed, { path: 'config.json', content: Buffer.from('new'), git: true }];
  files.push({ path: 'added/file.txt', content: Buffer.from('added'), git: true });
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  writeFiles(stage.hub, files);
  return files;
}

describe.concurrent.each(shells())('in $name, a slim image', ({ command: shell }) => {
  test('downloads exactly its list, pinned to its commit, and then starts', async () => {
    await using stage = new Stage({ shell });
    writeFiles(stage.hub, [{ path: 'not-listed.bin', content: Buffer.from('x') }]);
    const end = await stage.run(['--x']);
    expectStarted(end);
    expectWhole(stage);
    expect(readFileSync(join(stage.target, '.model-image'), 'utf8')).toContain(`revision=${REVISION}\n`);
    expect(end.stderr).toContain(`downloading 10 files of ${MODEL}`);
    expect(statSync(join(stage.target, SHARD)).mode & 0o777).toBe(0o644);
    expect(readdirSync(stage.tmp)).toEqual([]);
  });

  test('starts without network and without a downloader when the marker matches', async () => {
    await using stage = new Stage({ shell });
    expectStarted(await stage.run());
    const before = stage.fetched().length;
    rmSync(join(stage.bin, 'hf'));
    const again = await stage.run();
    expectStarted(again);
    expect(again.stderr).not.toContain('download');
    expect(stage.fetched()).toHaveLength(before);
  });

  test('repairs a folder whose marker matches and whose files do not, fetching only those', async () => {
    await using stage = new Stage({ shell });
    expectStarted(await stage.run());
    rmSync(join(stage.record, 'fetched'));
    writeFileSync(join(stage.target, SHARD), 'short');
    rmSync(join(stage.target, 'config.json'));
    const end = await stage.run();
    expectStarted(end);
    expect(end.stderr).toContain('config.json is missing');
    expect(stage.fetched().sort()).toEqual(['config.json', SHARD]);
    expectWhole(stage);
  });

  test('downloads a damaged file once more, and only that one', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: `flip-once:${SHARD}` });
    expectStarted(end);
    expect(end.stderr).toContain(`${SHARD}: expected sha256`);
    expect(stage.fetched().filter((name) => name === SHARD)).toHaveLength(2);
    expect(stage.fetched().filter((name) => name === 'config.json')).toHaveLength(1);
    expectWhole(stage);
  });

  test.each([SHARD, 'config.json'])('names %s when it arrives damaged twice, and keeps the others', async (path) => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: `flip:${path}` });
    expect(end).toMatchObject({ status: 1, stdout: '' });
    expect(end.stderr).toMatch(new RegExp(`error: ${path}: expected (sha256|oid) [0-9a-f]+, got [0-9a-f]+, twice`));
    expect(existsSync(stage.target)).toBe(false);
    expect(stage.fetched().filter((name) => name === path)).toHaveLength(2);
    rmSync(join(stage.record, 'fetched'));
    expectStarted(await stage.run());
    expect(stage.fetched()).toEqual([path]);
  });

  test('replaces an older revision only when the new one is complete, and fetches what differs', async () => {
    await using stage = new Stage({ shell });
    expectStarted(await stage.run());
    const files = nextRevision(stage);
    stage.describe(files, NEXT);
    rmSync(join(stage.record, 'fetched'));
    const failed = await stage.run([], { FAULT: 'flip:config.json' });
    expect(failed.status).toBe(1);
    expect(contentOf(stage.target)).toEqual(contentOfList(stage.files));
    expect(stage.fetched().sort()).toEqual(['added/file.txt', 'config.json', 'config.json']);
    expectStarted(await stage.run());
    expectWhole(stage, files);
  });

  test('never deletes what it did not write: a foreign folder is moved aside', async () => {
    await using stage = new Stage({ shell });
    writeFiles(stage.target, [{ path: 'mine/notes.txt', content: Buffer.from('precious') }]);
    mkdirSync(`${stage.target}.foreign-1`);
    const end = await stage.run();
    expectStarted(end);
    expectWhole(stage);
    expect(end.stderr).toContain(`moved to ${stage.target}.foreign-2`);
    expect(readFileSync(`${stage.target}.foreign-2/mine/notes.txt`, 'utf8')).toBe('precious');
  });

  test('takes over what a foreign folder already holds, after verifying it', async () => {
    await using stage = new Stage({ shell });
    writeFiles(stage.target, stage.files);
    writeFileSync(join(stage.target, SHARD), readFileSync(join(stage.hub, SHARD), 'utf8').toUpperCase());
    expectStarted(await stage.run());
    expectWhole(stage);
    expect(stage.fetched()).toEqual([SHARD]);
    expect(readFileSync(`${stage.target}.foreign-1/${SHARD}`, 'utf8')).toContain('SAFETENSORS');
  });

  test("keeps a user's additions to an older revision", async () => {
    await using stage = new Stage({ shell });
    expectStarted(await stage.run());
    writeFiles(stage.target, [{ path: 'nested/lora.bin', content: Buffer.from('mine') }]);
    const files = nextRevision(stage);
    stage.describe(files, NEXT);
    expectStarted(await stage.run());
    expectWhole(stage, files);
    expect(contentOf(`${stage.target}.foreign-1`)).toEqual(new Map([['nested/lora.bin', '6d696e65']]));
  });

  test('recovers from a crash between the two renames of the swap', async () => {
    await using stage = new Stage({ shell });
    expectStarted(await stage.run());
    const old = join(stage.root, '.tiny.old');
    // The new revision complete but not yet renamed, the old one out of the way.
    const files = nextRevision(stage);
    stage.describe(files, NEXT);
    renameSync(stage.target, old);
    expectStarted(await stage.run([], {}));
    expectWhole(stage, files);
    renameSync(stage.target, stage.partial);
    stage.describe(stage.files);
    mkdirSync(old);
    stage.describe(files, NEXT);
    rmSync(join(stage.bin, 'hf'));
    expectStarted(await stage.run());
    expectWhole(stage, files);
    // The swap done, the old one not yet deleted.
    writeFiles(old, [{ path: '.model-image', content: Buffer.from('file=a/b\n') }]);
    writeFiles(old, [{ path: 'a/b', content: Buffer.from('x') }]);
    expectStarted(await stage.run());
    expectWhole(stage, files);
  });

  test('starts over with a partial download that was meant for another list, keeping what fits', async () => {
    await using stage = new Stage({ shell });
    expect((await stage.run([], { FAULT: 'flip:config.json' })).status).toBe(1);
    const files = nextRevision(stage);
    stage.describe(files, NEXT);
    rmSync(join(stage.record, 'fetched'));
    expectStarted(await stage.run());
    expect(stage.fetched().sort()).toEqual(['added/file.txt', 'config.json']);
    expectWhole(stage, files);
  });

  test('says what it would need when there is too little space, and downloads nothing', async () => {
    const huge = { path: 'huge.bin', content: Buffer.from('x') };
    await using stage = new Stage({ shell, files: [huge] });
    const list = join(stage.etc, 'files.json');
    writeFileSync(list, readFileSync(list, 'utf8').replace('"size":1,', '"size":900000000000000,'));
    const end = await stage.run();
    expect(end.status).toBe(1);
    expect(end.stderr).toMatch(/needed 90000000\d+ bytes \(90000\d\.\d GB\), available \d+ bytes \(/);
    expect(stage.fetched()).toEqual([]);
  });

  test('names a disk that fills up during the download, and goes on from there later', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: 'full' });
    expect(end.status).toBe(1);
    expect(end.stderr).toContain(`no space left under ${stage.root}`);
    expectStarted(await stage.run());
    expectWhole(stage);
  });

  test('gives up on a downloader that keeps failing, with its words', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { FAULT: 'fail' });
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('hf: boom');
    expect(end.stderr).toContain('hf failed with status 7, 3 attempts');
  });

  test('names the downloaders it looked for', async () => {
    await using stage = new Stage({ shell, tools: ['flock'] });
    const end = await stage.run();
    // A busybox may bring its own wget, which then finds no such host.
    expect(end.status).toBe(1);
    if (!end.stderr.includes('wget failed')) expect(end.stderr).toContain('one of hf, curl or wget is needed');
  }, 60_000);

  test('only prepares the volume when asked to', async () => {
    await using stage = new Stage({ shell });
    const end = await stage.run([], { MODEL_IMAGE_PREFETCH: '1' });
    expect(end).toMatchObject({ status: 0, stdout: '' });
    expectWhole(stage);
  });
});
