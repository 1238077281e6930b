import { describe, expect, it } from 'vitest';
import { codeBeside, codeIn } from '../../../src/huggingface/remote-code.ts';

const own = { file: 'config.json', repository: null };

describe('codeIn', () => {
  it.each([
    ['no auto_map', { model_type: 'llama' }, []],
    ['own code', { auto_map: { AutoConfig: 'configuration_x.Config', AutoModel: 'modeling_x.Model' } }, [own]],
    ['own code under its full name', { auto_map: { AutoModel: 'acme/tiny--modeling_x.Model' } }, [own]],
    ['a pair of tokenizers', { auto_map: { AutoTokenizer: ['tokenization_x.Slow', null] } }, [own]],
    ['a pipeline', { custom_pipelines: { x: { impl: 'pipeline.P', pt: ['AutoModel'] } } }, [own]],
    [
      'code of another repository',
      { auto_map: { AutoConfig: 'mod.C', AutoModel: 'other/repo--mod.Class' } },
      [own, { file: 'config.json', repository: 'other/repo' }],
    ],
  ])('finds %s', (_case, config, expected) => {
    expect(codeIn('acme/tiny', 'config.json', config)).toEqual(expected);
  });

  it.each([[{ auto_map: 'text' }], [{ auto_map: { A: 7 } }], [[]], [null], ['text']])(
    'does not understand %j',
    (config) => {
      expect(codeIn('acme/tiny', 'config.json', config)).toBeNull();
    },
  );
});

describe('codeBeside', () => {
  const file = (path: string) => ({ path, size: 1, sha256: null, oid: '0'.repeat(40), security: null });

  it('names modules at the root only, and the tag', () => {
    expect(codeBeside([file('modeling.py'), file('scripts/x.py'), file('a.pyc')], ['custom_code'])).toEqual([
      { file: 'modeling.py', repository: null },
      { file: 'tag custom_code', repository: null },
    ]);
    expect(codeBeside([file('config.json')], [])).toEqual([]);
  });
});
