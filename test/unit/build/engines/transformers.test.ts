import { describe, expect, it } from 'vitest';
import { chooseFiles } from '../../../../src/build/engines/index.ts';
import type { ModelFacts } from '../../../../src/huggingface/types.ts';
import { repository } from '../../../support/policy/repository.ts';

const NONE = { include: [], exclude: [], quant: null };
const INDEX = 'model.safetensors.index.json';
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const choose = (
  paths: string[],
  indexes: ModelFacts['indexes'] = {},
  rules: { include?: string[]; exclude?: string[] } = {},
  engine: 'vllm' | 'sglang' = 'vllm',
) => chooseFiles(engine, repository(paths, indexes), { ...NONE, ...rules });

describe('what goes into a Transformers folder', () => {
  it('is weights, configuration, tokenizer, templates, code and legal files, and nothing else', () => {
    const needed = [
      '1_Pooling/config.json',
      'LICENSE',
      'NOTICE.txt',
      'added_tokens.json',
      'additional_chat_templates/tool.jinja',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'merges.txt',
      'model.safetensors',
      'modeling_x.py',
      'modules.json',
      'preprocessor_config.json',
      'qwen.tiktoken',
      'sentencepiece.bpe.model',
      'tokenizer.json',
      'tokenizer.model',
      'vocab.txt',
    ];
    const others = [
      '.gitattributes',
      '.eval_results/x.json',
      'README.md',
      'assets/logo.png',
      'checkpoint-10/config.json',
      'coreml/m.mlmodel',
      'flax_model.msgpack',
      'images/x.json',
      'logo.png',
      'model.gguf',
      'model.onnx',
      'onnx/config.json',
      'onnx/model.onnx',
      'openvino/x.json',
      'optimizer.pt',
      'original/consolidated.00.pth',
      'original/params.json',
      'pytorch_model.bin',
      'q.ggml',
      'rust_model.ot',
      'tf_model.h5',
      'model.tflite',
      'trainer_state.json',
      'training_args.bin',
      'x.zip',
    ];
    expect(choose([...others, ...needed])).toEqual({ paths: needed, bytes: needed.length * 10, incompatible: null });
  });

  it('is in byte order', () => {
    const { paths } = choose(['b.json', 'B.json.txt', 'a/x.json', 'a.json', 'model.safetensors']);
    expect(paths).toEqual(['B.json.txt', 'a.json', 'a/x.json', 'b.json', 'model.safetensors']);
  });
});

describe('weights', () => {
  it.each<[string, string[], string[]]>([
    ['safetensors before pickles', ['model.safetensors', 'pytorch_model.bin', 'x.pt'], ['model.safetensors']],
    ['.bin before .pt', ['pytorch_model.bin', 'x.pt', 'x.pth'], ['pytorch_model.bin']],
    ['.pt last', ['x.pt', 'x.pth'], ['x.pt']],
    ['no second precision', ['model.safetensors', 'model.fp16.safetensors'], ['model.safetensors']],
    ['no second precision of pickles', ['pytorch_model.bin', 'pytorch_model.fp16.bin'], ['pytorch_model.bin']],
    ['no adapter beside a model', ['adapter_model.safetensors', 'model.safetensors'], ['model.safetensors']],
    ['shards without an index', SHARDS, SHARDS],
    [
      'modules of sentence-transformers',
      ['2_Dense/model.safetensors', '2_Dense/pytorch_model.bin', 'model.safetensors'],
      ['2_Dense/model.safetensors', 'model.safetensors'],
    ],
    [
      'pickled modules',
      ['2_Dense/pytorch_model.bin', 'model.safetensors'],
      ['2_Dense/pytorch_model.bin', 'model.safetensors'],
    ],
    ['the root, not sub-folders', ['int8/model.safetensors', 'model.safetensors'], ['model.safetensors']],
  ])('%s', (_, paths, expected) => {
    expect(choose(paths)).toMatchObject({ paths: expected, incompatible: null });
  });

  it.each<[string, string[], string]>([
    ['only GGUF', ['model.gguf', 'config.json'], 'GGUF'],
    ['only an adapter', ['adapter_model.safetensors', 'adapter_config.json'], 'adapter'],
    ['a diffusers layout', ['model_index.json', 'unet/model.safetensors'], 'sub-folders'],
    ['only .pth', ['consolidated.00.pth'], '.pt weights'],
    ['only training leftovers', ['training_args.bin', 'optimizer.pt'], '.pt weights'],
    ['nothing', [], 'no safetensors'],
  ])('%s cannot be loaded', (_, paths, why) => {
    const choice = choose(paths);
    expect(choice).toMatchObject({ paths: [], bytes: 0 });
    expect(choice.incompatible).toContain(why);
  });
});

describe('the index', () => {
  it('is trusted, whatever the numbering says', () => {
    const shards = [
      'model-00000-of-00002.safetensors',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ];
    const { paths } = choose([...shards, 'model.safetensors', 'stale.safetensors', INDEX], {
      [INDEX]: [...shards, ...shards],
    });
    expect(paths).toEqual([...shards, INDEX]);
  });

  it('names a missing shard', () => {
    const { incompatible } = choose([SHARDS[0] ?? '', INDEX], { [INDEX]: SHARDS });
    expect(incompatible).toContain(`"${SHARDS[1]}"`);
    expect(incompatible).toContain(INDEX);
  });

  it.each([['../../etc/passwd'], ['/etc/passwd'], ['evil.bin'], ['a\nb']])('cannot smuggle %j in', (shard) => {
    const choice = choose(['evil.bin', INDEX, 'model.safetensors'], { [INDEX]: [shard] });
    expect(choice.paths).toEqual([]);
    expect(choice.incompatible).not.toMatch(/\p{Cc}/u);
  });

  it('that names nothing, or whose shards are all gone, is no model, and no reason to take pickles', () => {
    expect(choose([INDEX, 'model.safetensors'], { [INDEX]: [] }).incompatible).toContain('no shards');
    expect(choose([INDEX, 'pytorch_model.bin'], { [INDEX]: SHARDS }).incompatible).toContain('does not have');
    expect(choose([INDEX, 'pytorch_model.bin']).incompatible).toContain('without any of its shards');
  });

  it('that could not be read leaves all shards in', () => {
    expect(choose([...SHARDS, INDEX]).paths).toEqual([...SHARDS, INDEX]);
  });

  it('of pickles counts for pickles', () => {
    const index = 'pytorch_model.bin.index.json';
    const { paths } = choose(['pytorch_model-1.bin', 'pytorch_model-2.bin', index], {
      [index]: ['pytorch_model-2.bin'],
    });
    expect(paths).toEqual(['pytorch_model-2.bin', index]);
  });
});

describe("Mistral's own format", () => {
  const both = ['config.json', 'consolidated.safetensors', INDEX, ...SHARDS, 'params.json', 'tekken.json'];
  const indexes = { [INDEX]: SHARDS };

  it('goes first for vLLM, without the other form and its index', () => {
    expect(choose(both, indexes).paths).toEqual([
      'config.json',
      'consolidated.safetensors',
      'params.json',
      'tekken.json',
    ]);
  });

  it('goes last for SGLang, and for vLLM without params.json', () => {
    const shards = ['config.json', ...SHARDS, INDEX, 'params.json', 'tekken.json'];
    expect(choose(both, indexes, {}, 'sglang').paths).toEqual(shards);
    const without = both.filter((path) => path !== 'params.json');
    expect(choose(without, indexes).paths).toEqual(shards.filter((path) => path !== 'params.json'));
  });

  it('is taken when it is all there is', () => {
    expect(choose(['consolidated.safetensors'], {}, {}, 'sglang').paths).toEqual(['consolidated.safetensors']);
  });

  it('gives way when excluded', () => {
    expect(choose(both, indexes, { exclude: ['consolidated*'] }).paths).toContain(SHARDS[0]);
  });
});

describe("the catalog's patterns", () => {
  const paths = ['README.md', 'config.json', ...SHARDS, INDEX, 'original/params.json'];
  const indexes = { [INDEX]: SHARDS };

  it('add files that the choice leaves out', () => {
    expect(choose(paths, indexes, { include: ['README.md', 'original/**'] }).paths).toEqual(paths);
  });

  it('remove files, and removing wins', () => {
    const { paths: chosen } = choose(paths, indexes, { include: ['*.json'], exclude: ['config.json'] });
    expect(chosen).toEqual([...SHARDS, INDEX, 'original/params.json']);
  });

  it('cannot remove a shard that the index names', () => {
    const { incompatible } = choose(paths, indexes, { exclude: ['*-00002-*'] });
    expect(incompatible).toContain('files.exclude');
    expect(incompatible).toContain(SHARDS[1]);
  });

  it('are bounded', () => {
    expect(choose(paths, indexes, { exclude: ['*a'.repeat(3000)] }).incompatible).toContain('characters of patterns');
  });
});

describe('hostile names', () => {
  it.each(['../../etc/passwd', '/abs', 'a//b', 'x\\y', 'a\u0007', '.model-image.json'])(
    '%j makes the repository incompatible',
    (path) => {
      const { paths, incompatible } = choose(['model.safetensors', path]);
      expect(paths).toEqual([]);
      expect(incompatible).toMatch(/^[^\p{Cc}]+$/u);
      expect(choose(['model.safetensors', path], {}, { exclude: [path.replace(/^\//, '**/')] }).paths).toEqual([
        'model.safetensors',
      ]);
    },
  );

  it('a name twice, or as file and folder, too, if it would be embedded', () => {
    for (const twice of ['config.json', 'CONFIG.json', 'config.json/x.json']) {
      expect(choose(['model.safetensors', 'config.json', twice]).incompatible).toContain('config.json');
    }
    expect(choose(['model.safetensors', 'README.md', 'readme.md']).incompatible).toBeNull();
  });

  it('an index called like a property of every object is nothing special', () => {
    expect(choose(['model.safetensors', '__proto__', 'constructor']).incompatible).toBeNull();
  });
});
