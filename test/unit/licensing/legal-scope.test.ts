import { describe, expect, it } from 'vitest';
import type { HubFile } from '../../../src/huggingface/types.ts';
import { allLegalFiles, legalFilesProblem } from '../../../src/licensing/legal-files.ts';
import { legalScope } from '../../../src/licensing/legal-scope.ts';
import { hubFile, modelFacts } from '../../support/policy/input.ts';

const EMBEDDED = ['config.json', '1_Pooling/config.json', 'a/b/model.safetensors'];

function scope(files: HubFile[], link: string | null = null) {
  const license = { ids: ['other'], name: null, link };
  return legalScope(modelFacts({ files, license }), 'org/old', EMBEDDED);
}
const paths = (files: HubFile[], link: string | null = null) =>
  allLegalFiles(scope(files, link).legal)
    .map(({ path }) => path)
    .sort();
const many = (folder: string, count: number) =>
  Array.from({ length: count }, (_, at) => hubFile(`${folder}/${String(at).padStart(4, '0')}/LICENSE`));

describe('legalScope', () => {
  it('takes the root, every folder that files are embedded from, and others while there is room', () => {
    const all = ['LICENSE', '1_Pooling/NOTICE', 'a/COPYING', 'a/b/TERMS.md', 'original/LICENSE', 'README.md'];
    expect(paths(all.map((path) => hubFile(path)))).toEqual(all.slice(0, 5).sort());
  });

  it('cannot be made to fail by folders that nothing is embedded from', () => {
    const files = [
      hubFile('LICENSE'),
      ...many('onnx', 500),
      hubFile('original/LICENSE', { size: 2 ** 30 }),
      hubFile('original/NOTICE\n'),
      hubFile('folder-LICENSE/COPYING'),
      hubFile('LICENSE/COPYING'),
    ];
    const { legal } = scope(files);
    expect(legalFilesProblem(legal)).toBeNull();
    expect(legal.license?.path).toBe('LICENSE');
    expect(allLegalFiles(legal)).toHaveLength(64);
  });

  it('does not count a legal file as one that its own folder is embedded for', () => {
    const files = many('onnx', 500);
    const facts = modelFacts({ files });
    const embedded = files.map(({ path }) => path);
    expect(legalFilesProblem(legalScope(facts, 'org/name', embedded).legal)).toBeNull();
  });

  it('keeps all that is needed, even beyond the limit, so that the limit can be named', () => {
    const files = Array.from({ length: 65 }, (_, at) => hubFile(`a/LICENSE-${at}`));
    expect(legalFilesProblem(scope(files).legal)).toContain('65');
    expect(legalFilesProblem(scope([hubFile('a/LICENSE', { size: 2 ** 30 })]).legal)).toContain('"a/LICENSE"');
  });

  it('takes what the card links to, whatever and wherever it is, and quotes any other link', () => {
    const files = [hubFile('docs/AGREEMENT'), hubFile('config.json')];
    expect(paths(files, 'docs/AGREEMENT')).toEqual(['docs/AGREEMENT']);
    expect(scope(files, 'https://huggingface.co/org/old/blob/main/docs/AGREEMENT')).toMatchObject({
      link: 'docs/AGREEMENT',
      legal: { license: { path: 'docs/AGREEMENT' } },
    });
    expect(scope(files, 'https://example.org/terms')).toMatchObject({
      link: 'https://example.org/terms',
      legal: { license: null },
    });
    expect(scope(files).link).toBeNull();
  });

  it('is not failed by a link to what cannot be carried', () => {
    const files = [hubFile('model.safetensors', { size: 2 ** 40 }), hubFile('large.md', { size: 2 ** 30 })];
    for (const { path } of files) expect(paths(files, path)).toEqual([]);
  });
});
