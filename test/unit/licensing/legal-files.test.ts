import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allLegalFiles,
  isLegalName,
  legalFiles,
  legalFilesProblem,
  legalIdentities,
  legalImagePaths,
  MAX_LEGAL_FILE_BYTES,
} from '../../../src/licensing/legal-files.ts';
import { hubFile } from '../../support/policy/input.ts';

const legal = (...paths: string[]) => legalFiles(paths.map((path) => hubFile(path)));
const names = (...paths: string[]) => {
  const { license, notice, others } = legal(...paths);
  return [license?.path ?? null, notice?.path ?? null, others.map(({ path }) => path)];
};

describe('isLegalName', () => {
  it.each([
    'LICENSE',
    'LICENSE.txt',
    'LICENSE.md',
    'License.txt',
    'LICENCE',
    'COPYING',
    'COPYING.LESSER',
    'LLAMA_LICENSE',
    'LICENSE-APACHE',
    'LICENSE.Apache-2.0',
    'GEMMA_TERMS_OF_USE.md',
    'NOTICE',
    'Notice',
    'Notice.txt',
    'USE_POLICY.md',
    'USAGE_POLICY',
    'license.pdf',
    'LICENCE.md',
    'TERMS.txt',
    'ACCEPTABLE_USE_POLICY',
    'Use Policy.md',
    'USE-POLICY.md',
    'MODEL_LICENSE.pdf',
    'third_party_notices.txt',
  ])('knows %s', (name) => {
    expect(isLegalName(name)).toBe(true);
  });

  it.each([
    'README.md',
    'config.json',
    'license.py',
    'license_plate.safetensors',
    'terms.json',
    'notice.png',
    '.license',
    'use_policy.yaml',
  ])('is not taken in by %s', (name) => {
    expect(isLegalName(name)).toBe(false);
  });
});

describe('legalFiles', () => {
  it.each<[string[], ReturnType<typeof names>]>([
    [[], [null, null, []]],
    [
      ['config.json', 'LICENSE'],
      ['LICENSE', null, []],
    ],
    [
      ['LICENSE.md', 'LICENSE', 'LICENSE.txt', 'COPYING'],
      ['LICENSE', null, ['COPYING', 'LICENSE.md', 'LICENSE.txt']],
    ],
    [
      ['LICENSE', 'LICENCE'],
      ['LICENSE', null, ['LICENCE']],
    ],
    [
      ['license.md', 'NOTICE.txt', 'Notice'],
      ['license.md', 'Notice', ['NOTICE.txt']],
    ],
    [
      ['LLAMA_LICENSE', 'USE_POLICY.md'],
      ['LLAMA_LICENSE', null, ['USE_POLICY.md']],
    ],
    [
      ['GEMMA_TERMS_OF_USE.md', 'NOTICE'],
      ['GEMMA_TERMS_OF_USE.md', 'NOTICE', []],
    ],
    [
      ['original/LICENSE', 'COPYING'],
      ['COPYING', null, ['original/LICENSE']],
    ],
    [
      ['a/b/LICENSE', 'a/LICENSE.txt'],
      ['a/LICENSE.txt', null, ['a/b/LICENSE']],
    ],
    [['LICENSE-NOTICE.txt'], ['LICENSE-NOTICE.txt', null, []]],
    [['USE_POLICY.md'], [null, null, ['USE_POLICY.md']]],
  ])('%j', (paths, expected) => {
    expect(names(...paths)).toEqual(expected);
    expect(names(...paths.toReversed())).toEqual(expected);
  });

  it('takes what the model card names before its own guesses, but after a plain LICENSE and never for a notice', () => {
    const linked = (link: string, ...paths: string[]) =>
      legalFiles(
        paths.map((path) => hubFile(path)),
        link,
      ).license?.path ?? null;
    expect(linked('docs/AGREEMENT', 'docs/AGREEMENT', 'LLAMA_LICENSE')).toBe('docs/AGREEMENT');
    expect(linked('docs/AGREEMENT', 'docs/AGREEMENT', 'License.md')).toBe('License.md');
    expect(linked('NOTICE', 'NOTICE')).toBeNull();
    expect(linked('AGREEMENT', 'COPYING')).toBe('COPYING');
  });

  it('takes the texts of a folder of licences, whatever they are called', () => {
    expect(names('LICENSES/MIT.txt', 'licence/model', 'LICENSES/logo.png', 'licenses/a/.keep')).toEqual([
      null,
      null,
      ['LICENSES/MIT.txt', 'licence/model'],
    ]);
  });

  it('gives the same answer on what it found', () => {
    const found = legal('LICENSE', 'x/NOTICE', 'COPYING', 'USE_POLICY.md');
    expect(legalFiles(allLegalFiles(found))).toEqual(found);
  });
});

describe('legalFilesProblem', () => {
  it('is null up to the limits and names what is beyond them', () => {
    const sized = (size: number) => legalFilesProblem(legalFiles([hubFile('LICENSE', { size })]));
    expect(sized(MAX_LEGAL_FILE_BYTES)).toBeNull();
    expect(sized(MAX_LEGAL_FILE_BYTES + 1)).toContain('"LICENSE"');
    expect(legalFilesProblem(legal(...Array.from({ length: 65 }, (_, at) => `${at}/LICENSE`)))).toContain('65');
  });

  it('refuses names that cannot be paths of an image', () => {
    for (const path of ['../LICENSE', '/LICENSE', 'a/LICENSE\n']) expect(legalFilesProblem(legal(path))).not.toBeNull();
    expect(legalFilesProblem(legal('LICENSE', 'COPYING', 'COPYING/LICENSE'))).not.toBeNull();
    expect(legalFilesProblem(legal('LICENSE', 'LICENSE'))).not.toBeNull();
    expect(legalFilesProblem(legal('LICENSE', 'license', 'LICENSE/NOTICE'))).toBeNull();
  });
});

describe('places and identities', () => {
  it('keeps every name, and gives licence and notice their plain names too, clear of folders called so', () => {
    const found = legal('License.txt', 'Notice', 'x/COPYING', 'LICENSE/COPYING');
    expect(allLegalFiles(found).map((file) => [file.path, legalImagePaths(found, file)])).toEqual([
      ['License.txt', ['LICENSE', 'License.txt']],
      ['Notice', ['NOTICE', 'Notice']],
      ['LICENSE/COPYING', ['folder-LICENSE/COPYING']],
      ['x/COPYING', ['x/COPYING']],
    ]);
    const plain = legal('LICENSE', 'NOTICE');
    expect(allLegalFiles(plain).flatMap((file) => legalImagePaths(plain, file))).toEqual(['LICENSE', 'NOTICE']);
  });

  it('never puts two files in one place, whatever is linked', () => {
    const name = fc.constantFrom('LICENSE', 'license', 'LICENSE.md', 'NOTICE', 'Notice', 'COPYING', 'TERMS', 'x.md');
    const path = fc
      .tuple(fc.constantFrom('', 'a/', 'a/b/', 'LICENSE/', 'NOTICE/'), name)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 12 }), fc.option(path), (paths, linked) => {
        // A repository cannot have a file and a folder of one name.
        const files = paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`)));
        const found = legalFiles(
          files.map((each) => hubFile(each)),
          linked,
        );
        expect(legalFilesProblem(found)).toBeNull();
        expect(legalFiles(allLegalFiles(found), linked)).toEqual(found);
      }),
    );
  });

  it('identifies content by what the Hub knows, and hidden content as such', () => {
    const found = legalFiles([hubFile('NOTICE', { sha256: 'b'.repeat(64) }), hubFile('LICENSE')]);
    expect(legalIdentities(found, false)).toEqual([
      { path: 'LICENSE', content: `git:${'c'.repeat(40)}` },
      { path: 'NOTICE', content: `sha256:${'b'.repeat(64)}` },
    ]);
    expect(legalIdentities(found, true).map(({ content }) => content)).toEqual(['unreadable', 'unreadable']);
  });
});
