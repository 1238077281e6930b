import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ListedFile, REVISION, writeFiles } from '../../support/entrypoint/model.ts';
import { Stage, shells } from '../../support/entrypoint/stage.ts';

const FILES: ListedFile[] = ['a.json', 'b.json'].map((path) => ({ path, content: Buffer.from(path) }));
const entry = (path: string, more = `"size":1,"sha256":"${'a'.repeat(64)}"`) => `{"path":"${path}",${more}}`;
const listed = (...entries: string[]) =>
  `{"model":"acme/tiny-model","revision":"${REVISION}","files":[\n${entries.join(',\n')}\n]}\n`;

const BROKEN: Record<string, string> = {
  'an empty file': '',
  'an empty list': listed().replace('\n\n', '\n'),
  'ordinary JSON': JSON.stringify({ model: 'acme/tiny-model', revision: REVISION, files: [] }),
  'another model': listed(entry('a')).replace('tiny-model', 'other'),
  'another revision': listed(entry('a')).replace('0123', '3210'),
  'a list cut off after a comma': listed(entry('a'), entry('b')).split('\n').slice(0, 2).join('\n'),
  'a list cut off in a file': listed(entry('a')).slice(0, 120),
  'a list without its end': listed(entry('a')).replace(']}\n', ''),
  'a comma missing': listed(entry('a'), entry('b')).replace('},\n', '}\n'),
  'a comma too many': listed(entry('a')).replace('}\n', '},\n'),
  'something after the end': `${listed(entry('a'))}{}\n`,
  'a file without a hash': listed(entry('a', '"size":1')),
  'a short hash': listed(entry('a', '"size":1,"sha256":"abc"')),
  'a hash in capitals': listed(entry('a', `"size":1,"sha256":"${'A'.repeat(64)}"`)),
  'a size that is no number': listed(entry('a', `"size":1e3,"sha256":"${'a'.repeat(64)}"`)),
  'a negative size': listed(entry('a', `"size":-1,"oid":"${'a'.repeat(40)}"`)),
  'a key too many': listed(entry('a', `"size":1,"x":2,"oid":"${'a'.repeat(40)}"`)),
  'an unknown escape': listed(entry('a\\u0041')),
  'a bare quote': listed(entry('a"b')),
  'a control character': listed(entry('a\tb')),
  'an absolute path': listed(entry('/etc/passwd')),
  'a path that leaves the folder': listed(entry('a/../../b')),
  'a path with an empty part': listed(entry('a//b')),
  'an empty path': listed(entry('')),
  'a path of the marker': listed(entry('.model-image')),
};

describe.concurrent.each(shells())('in $name, the list of files', ({ command: shell }) => {
  test('that cannot be read is an error naming it, never an empty list', async () => {
    await using stage = new Stage({ shell, variant: 'fat', files: FILES });
    writeFiles(stage.target, [
      ...FILES,
      { path: 'a', content: Buffer.from('a') },
      { path: 'b', content: Buffer.from('b') },
    ]);
    const path = join(stage.etc, 'files.json');
    for (const [problem, text] of Object.entries(BROKEN)) {
      writeFileSync(path, text);
      const end = await stage.run();
      expect(end, problem).toMatchObject({ status: 1, stdout: '' });
      expect(end.stderr, problem).toContain(path);
      expect(end.stderr.trim().split('\n'), problem).toHaveLength(1);
    }
    rmSync(path);
    expect(await stage.run()).toMatchObject({ status: 1, stderr: expect.stringContaining(path) });
  });

  test('may name files in any way a file can be named', async () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .map((text) => `${text.replace(/[\p{Cc}/]/gu, '"\\')}%`)
      .filter((text) => Buffer.byteLength(text) <= 200);
    const paths = fc.sample(fc.array(segment, { minLength: 1, maxLength: 3 }), { seed: 7, numRuns: 60 });
    // A number in front keeps a file from being another one's folder.
    const files = paths.map((parts, at): ListedFile => {
      const path = [`${at}${parts[0]}`, ...parts.slice(1)].join('/');
      return { path, content: Buffer.from(path), git: at % 2 === 0 };
    });
    await using stage = new Stage({ shell, variant: 'fat', files });
    writeFiles(stage.target, files);
    const end = await stage.run();
    expect(end.status, end.stderr).toBe(0);
    const missing = files[31]?.path ?? '';
    rmSync(join(stage.target, missing));
    expect((await stage.run()).stderr).toContain(`${missing} is missing`);
  });
});

describe.concurrent.each(shells())('in $name, image.conf', ({ command: shell }) => {
  test('is checked, and what is wrong with it is named', async () => {
    await using stage = new Stage({ shell, variant: 'fat', files: FILES });
    const path = join(stage.etc, 'image.conf');
    const good = readFileSync(path, 'utf8');
    const broken = [
      'format=2',
      'variant=thin',
      'engine=x',
      'id=a b',
      'short=../x',
      'root=models',
      'revision=main',
      'list=1',
    ];
    for (const line of broken) {
      writeFileSync(path, `${good}${line}\n`);
      const end = await stage.run();
      expect(end, line).toMatchObject({ status: 1, stdout: '' });
      expect(end.stderr, line).toContain(`'${line.split('=')[1]}'`);
    }
  });

  test('is data, not code', async () => {
    await using stage = new Stage({ shell, variant: 'fat', files: FILES });
    writeFiles(stage.target, FILES);
    const path = join(stage.etc, 'image.conf');
    writeFileSync(path, `${readFileSync(path, 'utf8')}touch ${stage.tmp}/pwned\nhf_home=$(touch ${stage.tmp}/pwned)\n`);
    await stage.run();
    expect(() => readFileSync(join(stage.tmp, 'pwned'))).toThrow('ENOENT');
  });
});

describe.concurrent.each(shells())('in $name, a fat image', ({ command: shell }) => {
  const hidden = (root: string) =>
    `a volume mounted at ${root} hides the weights inside this image: start it without that mount`;

  test('starts offline from what is inside', async () => {
    await using stage = new Stage({ shell, variant: 'fat', tools: [] });
    writeFiles(stage.target, stage.files);
    const end = await stage.run();
    expect(end.status, end.stderr).toBe(0);
    expect(end.stdout).toContain('env=HF_HUB_OFFLINE=1\n');
    expect(end.stdout).toContain('env=TRANSFORMERS_OFFLINE=1\n');
  });

  test('says that a volume hides its weights', async () => {
    await using stage = new Stage({ shell, variant: 'fat', files: FILES });
    expect(await stage.run()).toMatchObject({ status: 1, stderr: expect.stringContaining(hidden(stage.root)) });
    writeFiles(stage.target, []);
    expect(await stage.run()).toMatchObject({ status: 1, stderr: expect.stringContaining(hidden(stage.root)) });
    expect(stage.fetched()).toEqual([]);
  });

  test('names the file that is not what it should be', async () => {
    await using stage = new Stage({ shell, variant: 'fat', files: FILES });
    writeFiles(stage.target, FILES);
    writeFileSync(join(stage.target, 'b.json'), 'longer than it was');
    const end = await stage.run();
    expect(end).toMatchObject({ status: 1, stderr: expect.stringContaining('b.json has 18 bytes instead of 6') });
  });
});
