import { stringify } from 'yaml';
import { type Content, fixed, joined, seeded } from './content.ts';
import { type FilesInput, type HubModel, type ModelInput, makeModel } from './model.ts';

export interface TinyOptions extends Partial<Omit<ModelInput, 'id' | 'files'>> {
  id: string;
  /** Decides every byte of the weights. Default: the id. */
  seed?: string;
  shards?: number;
  /** Bytes of weights in each shard, rounded up to a row of its tensor. */
  shardBytes?: number;
  /** Makes the bytes of tensors. Default: any bytes will do. */
  content?: (seed: string, size: number) => Content;
  /** Hub licence id, written to the card and the README's front matter. */
  license?: string;
  licenseText?: string | null;
  /** More files, or `null` to leave one out. */
  files?: Record<string, FilesInput[string] | null>;
}

const HIDDEN = 64;
const ROW = HIDDEN * 2;
const VOCABULARY = ['<unk>', '<s>', '</s>', 'the', 'model', 'is', 'tiny', '.'];

/**
 * A model with the files of a real one: Llama configuration, word-level tokenizer, sharded safetensors with their index, the
 * same weights once more as a pickle, and an `original/` folder.
 */
export function tinyModel(options: TinyOptions): HubModel {
  const {
    id,
    seed = id,
    shards = 2,
    shardBytes = 4096,
    content = seeded,
    license = 'apache-2.0',
    licenseText,
    files = {},
    ...rest
  } = options;
  const cardData = { license, library_name: 'transformers', ...rest.cardData };
  const text = licenseText === undefined ? `Licence text of ${id} (${license})\n` : licenseText;
  const all: Record<string, FilesInput[string] | null> = {
    '.gitattributes': '*.safetensors filter=lfs diff=lfs merge=lfs -text\n',
    'README.md': `---\n${stringify(cardData)}---\n# ${id}\n\nA model for tests.\n`,
    LICENSE: text,
    'config.json': json(CONFIG),
    'generation_config.json': json({ bos_token_id: 1, eos_token_id: 2, do_sample: false }),
    'tokenizer.json': json(TOKENIZER),
    'tokenizer_config.json': json({
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: '<unk>',
      model_max_length: 128,
    }),
    ...weights(seed, shards, shardBytes, content),
    'original/params.json': json({ dim: HIDDEN, n_layers: shards }),
    'original/consolidated.00.pth': pickle(`${seed}:original`, shards * shardBytes),
    ...files,
  };
  const kept = Object.entries(all).flatMap(([path, file]) => (file === null ? [] : [[path, file] as const]));
  const config = { architectures: CONFIG.architectures, model_type: CONFIG.model_type };
  const tags = ['transformers', 'safetensors', 'llama', `license:${license}`];
  return makeModel({ config, tags, ...rest, id, cardData, files: Object.fromEntries(kept) });
}

/** One valid safetensors file: 8 bytes of header length, JSON header padded to 8, the tensors. */
export function safetensors(seed: string, tensor: string, bytes: number, content = seeded): Content {
  const rows = Math.ceil(bytes / ROW);
  const header = JSON.stringify({
    __metadata__: { format: 'pt' },
    [tensor]: { dtype: 'BF16', shape: [rows, HIDDEN], data_offsets: [0, rows * ROW] },
  });
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return joined(fixed(length), fixed(padded), content(`${seed}:${tensor}`, rows * ROW));
}

function weights(seed: string, shards: number, shardBytes: number, content: typeof seeded): FilesInput {
  const names = Array.from({ length: shards }, (_, index) => `model-${five(index + 1)}-of-${five(shards)}.safetensors`);
  const tensors = names.map((_, index) => `model.layers.${index}.mlp.down_proj.weight`);
  const shardFiles = names.map(
    (name, index) => [name, safetensors(seed, tensors[index] ?? '', shardBytes, content)] as const,
  );
  const index = {
    metadata: { total_size: shards * Math.ceil(shardBytes / ROW) * ROW },
    weight_map: Object.fromEntries(tensors.map((tensor, at) => [tensor, names[at]])),
  };
  return {
    ...Object.fromEntries(shardFiles),
    'model.safetensors.index.json': json(index),
    'pytorch_model.bin': pickle(seed, shards * shardBytes),
  };
}

/** Starts as torch's archives do; nobody should ever load it. */
function pickle(seed: string, bytes: number): Content {
  return joined(fixed('PK\x03\x04'), seeded(`${seed}:pickle`, bytes));
}

function five(number: number): string {
  return String(number).padStart(5, '0');
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: HIDDEN,
  intermediate_size: 128,
  num_attention_heads: 4,
  num_hidden_layers: 2,
  vocab_size: VOCABULARY.length,
  torch_dtype: 'bfloat16',
  transformers_version: '4.49.0',
};

const TOKENIZER = {
  version: '1.0',
  added_tokens: VOCABULARY.slice(0, 3).map((content, id) => ({ id, content, special: true })),
  pre_tokenizer: { type: 'Whitespace' },
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries(VOCABULARY.map((word, id) => [word, id])),
    unk_token: '<unk>',
  },
};
