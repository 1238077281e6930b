import { isLegalName } from '../../licensing/legal-files.ts';
import { baseName, extension } from './repository.ts';

/** Configuration, tokenizer, processor, chat template, code: whatever the engines read beside the weights. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  '.json',
  '.txt',
  '.model',
  '.jinja',
  '.jinja2',
  '.py',
  '.tiktoken',
  '.vocab',
  '.bpe',
  '.spm',
  '.yaml',
  '.yml',
  '.toml',
]);

/** Folders of other formats, of other stages of the model's life, and of the model card. */
const FOREIGN_FOLDER =
  /^(?:\..*|original|onnx|openvino|coreml|tflite|tf|flax|gguf|ggml|metal|mlx|checkpoint-.*|runs|logs|eval.*|images|assets|figures|examples)$/i;

/** Left over from training, of no use to an engine and sometimes large. */
const TRAINING = /^(?:trainer_state|training_args|all_results|train_results|eval_results)\.json$/i;

/**
 * Whether a small file belongs to the model's folder: at the root or in a sub-folder such as `1_Pooling/`, known by its
 * extension. Legal files come along, so that the folder explains itself; the model card, images and git's own files do not.
 * Indexes of weights are not support files: each goes with its weights or not at all.
 */
export function isSupportFile(path: string): boolean {
  const name = baseName(path);
  const folders = path.split('/').slice(0, -1);
  if (name.startsWith('.') || folders.some((folder) => FOREIGN_FOLDER.test(folder))) return false;
  if (isIndex(path) || TRAINING.test(name)) return false;
  return EXTENSIONS.has(extension(path)) || isLegalName(name) || /^tokenizer\.[^/]+$/i.test(name);
}

/** `*.safetensors.index.json` and its like. */
function isIndex(path: string): boolean {
  return path.toLowerCase().endsWith('.index.json');
}
