import type { Engine, Model } from '../catalog/types.ts';
import type { ModelFacts } from '../huggingface/types.ts';

/** What is worth knowing of a model on an engine, and decides nothing. A model on several engines may well ask for a quantisation. */
export function modelWarnings(model: Model, engine: Engine, found: ModelFacts | null): string[] {
  const renamed = found !== null && found.id !== model.id;
  return [
    ...(renamed ? [`The Hub has renamed ${model.id} to ${found.id}: change \`id\` in the catalog.`] : []),
    ...(model.files.quant === null || engine === 'llamacpp'
      ? []
      : [`\`files.quant\` is ignored: it chooses among GGUF files, and ${engine} is given none.`]),
    ...(found?.chatTemplate ?? []),
    ...(found?.notChecked.map((what) => `Not checked: ${what}.`) ?? []),
  ];
}
