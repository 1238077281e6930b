import { describe, expect, it } from 'vitest';
import { chooseFiles } from '../../../../src/build/engines/index.ts';
import { repository } from '../../../support/policy/repository.ts';

const choose = (paths: string[], rules: { include?: string[]; exclude?: string[]; quant?: string } = {}) =>
  chooseFiles('llamacpp', repository(paths), { include: [], exclude: [], quant: null, ...rules });
const split = (stem: string, total: number) =>
  Array.from({ length: total }, (_, at) => `${stem}-0000${at + 1}-of-0000${total}.gguf`);

describe('the choice for llama.cpp', () => {
  it.each<[string, string[], string[]]>([
    ['Q4_K_M first', ['m-Q8_0.gguf', 'm-q4_k_m.gguf', 'm-F16.gguf'], ['m-q4_k_m.gguf']],
    ['then Q8_0', ['m-Q8_0.gguf', 'm-F16.gguf', 'm-Q2_K.gguf'], ['m-Q8_0.gguf']],
    ['the plain one of several', ['L-Q4_K_M-fp16.gguf', 'L-Q4_K_M.gguf'], ['L-Q4_K_M.gguf']],
    ['then the first', ['m-Q2_K.gguf', 'm-F16.gguf'], ['m-F16.gguf']],
    ['no look-alikes', ['m-IQ4_K_M.gguf', 'm-Q4_K_M_L.gguf', 'm-Q8_0.gguf'], ['m-Q8_0.gguf']],
    ['the root before folders', ['Q4_K_M/m-Q4_K_M.gguf', 'm-Q4_K_M.gguf'], ['m-Q4_K_M.gguf']],
    ['the preferred one in a folder', ['q4_k_m/m.gguf', 'm-F16.gguf'], ['q4_k_m/m.gguf']],
    ['all splits', [...split('m-Q4_K_M', 3), ...split('m-Q8_0', 2)], split('m-Q4_K_M', 3)],
    [
      'legal files and nothing else beside',
      ['LICENSE', 'README.md', 'config.json', 'm.gguf', 'm.safetensors'],
      ['LICENSE', 'm.gguf'],
    ],
    ['no importance matrix', ['imatrix.gguf', 'm.gguf', 'm.imatrix'], ['m.gguf']],
    [
      'one projector, F16 if there',
      ['m.gguf', 'mmproj-BF16.gguf', 'mmproj-F16.gguf', 'mmproj-F32.gguf'],
      ['m.gguf', 'mmproj-F16.gguf'],
    ],
    ['any projector', ['m.gguf', 'm.mmproj-Q8_0.gguf'], ['m.gguf', 'm.mmproj-Q8_0.gguf']],
  ])('%s', (_, paths, expected) => {
    expect(choose(paths)).toMatchObject({ paths: expected, bytes: expected.length * 10, incompatible: null });
  });

  it.each([[['model.safetensors']], [['mmproj-F16.gguf']], [['imatrix.gguf']], [[]]])(
    'finds nothing in %j',
    (paths) => {
      expect(choose(paths)).toMatchObject({ paths: [], incompatible: expect.stringContaining('no GGUF') });
    },
  );

  it('names a missing split', () => {
    expect(choose(split('m', 3).filter((path) => !path.includes('00002-of'))).incompatible).toContain(
      'm-00002-of-00003.gguf',
    );
    expect(choose(split('m', 3).slice(1)).incompatible).toContain('m-00001-of-00003.gguf');
    expect(choose(split('m', 2), { exclude: ['*-00002-*'] }).incompatible).toContain('files.exclude');
  });

  it('takes the quantisation that the catalog includes, whole, in place of the default', () => {
    const paths = [...split('m-Q8_0', 2), 'm-Q4_K_M.gguf', 'mmproj-F16.gguf', 'mmproj-F32.gguf'];
    expect(choose(paths, { include: ['m-Q8_0-00001-*'] }).paths).toEqual([...split('m-Q8_0', 2), 'mmproj-F16.gguf']);
    expect(choose(paths, { include: ['mmproj-F32*'] }).paths).toEqual(['m-Q4_K_M.gguf', 'mmproj-F32.gguf']);
  });

  it.each<[string, string, string[], string[]]>([
    ['in any case', 'q8_0', ['m-Q4_K_M.gguf', 'm-Q8_0.gguf'], ['m-Q8_0.gguf']],
    ['as a word only', 'Q4_K_M', ['m-IQ4_K_M.gguf', 'm-Q4_K_M_L.gguf', 'm.q4_k_m.gguf'], ['m.q4_k_m.gguf']],
    ['with all its splits', 'Q8_0', ['m-Q4_K_M.gguf', ...split('m-Q8_0', 3)], split('m-Q8_0', 3)],
    ['with a projector', 'Q8_0', ['m-Q8_0.gguf', 'mmproj-F16.gguf'], ['m-Q8_0.gguf', 'mmproj-F16.gguf']],
    ['in a folder of its name', 'BF16', ['m-Q8_0.gguf', 'BF16/m.gguf'], ['BF16/m.gguf']],
    ['once, where several models have it', 'Q8_0', ['a-Q8_0.gguf', 'b-Q8_0.gguf'], ['a-Q8_0.gguf']],
    ['and nothing that only has a word of it', 'Q8_0', ['L-Q4_K_M-embed-Q8_0.gguf', 'L-Q8_0.gguf'], ['L-Q8_0.gguf']],
    ['rather than a variant of it', 'Q8_0', ['L-Q8_0-imat.gguf', 'L-Q8_0.gguf'], ['L-Q8_0.gguf']],
    ['as the last of several', 'Q4_K_M', ['Q8_0-m-Q4_K_M.gguf', 'Q8_0-m-Q6_K.gguf'], ['Q8_0-m-Q4_K_M.gguf']],
    ['dynamic ones included', 'UD-Q4_K_XL', ['m-Q4_K_M.gguf', 'm-UD-Q4_K_XL.gguf'], ['m-UD-Q4_K_XL.gguf']],
  ])('takes the quantisation asked for, %s', (_, quant, paths, expected) => {
    expect(choose(paths, { quant })).toMatchObject({ paths: expected, incompatible: null });
  });

  it('refuses a quantisation that is only in the name of another', () => {
    expect(choose(['Q8_0-tiny-Q4_K_M-imat.gguf'], { quant: 'Q8_0' }).incompatible).toContain('has Q4_K_M:');
  });

  it('refuses a quantisation that is not there and lists those that are', () => {
    const paths = ['m-Q4_K_M.gguf', 'm-UD-IQ2_XXS.gguf', ...split('m-BF16', 2), 'plain.gguf', 'mmproj-F16.gguf'];
    const { incompatible, paths: chosen } = choose(paths, { quant: 'Q5_K_M' });
    expect(chosen).toEqual([]);
    expect(incompatible).toBe(
      '`files.quant` asks for Q5_K_M, and the repository has BF16, Q4_K_M, UD-IQ2_XXS, "plain.gguf": choose one of these.',
    );
  });

  it('refuses several models in one image, whether or not a quantisation is asked for', () => {
    const paths = ['m-Q4_K_M.gguf', 'm-Q8_0.gguf'];
    expect(choose(paths, { include: ['*.gguf'] }).incompatible).toContain('names 2 GGUF models');
    expect(choose(paths, { include: ['*.gguf'], quant: 'Q8_0' }).incompatible).toContain('names 2 GGUF models');
    expect(choose(paths, { include: ['*Q8_0*'], quant: 'Q4_K_M' }).incompatible).toContain('names is Q8_0');
  });

  it('passes over the quantisation that the catalog excludes', () => {
    expect(choose(['m-Q4_K_M.gguf', 'm-Q8_0.gguf'], { exclude: ['*Q4_K_M*'] }).paths).toEqual(['m-Q8_0.gguf']);
  });
});
