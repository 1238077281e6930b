/** The one name that, as the Hub's convention has it, becomes `model-00001-of-00003.safetensors`. */
const WHOLE_MODEL = /(?:^|\/)model\.safetensors$/;
const NUMBERS = /^-\d{5}-of-\d{5}\.safetensors$/;

/** Path of one shard by its number, from 1. All of a naming are equally long. */
export type PartNaming = (number: number, count: number) => string;

/**
 * How the shards of a file are called, which lie beside it: `model-00001-of-00003.safetensors` for `model.safetensors`, else
 * `<stem>-part-00001-of-00003.safetensors`. Where other files have names of that kind (in any case), `-part2`, `-part3` and so on.
 */
export function partNaming(path: string, paths: readonly string[]): PartNaming {
  const stem = path.replace(/\.safetensors$/i, '');
  const others = paths.map((other) => other.toLowerCase());
  for (let attempt = WHOLE_MODEL.test(path) ? 0 : 1; ; attempt += 1) {
    const start = `${stem}${attempt === 0 ? '' : attempt === 1 ? '-part' : `-part${attempt}`}`;
    const folded = start.toLowerCase();
    const isTaken = others.some((other) => other.startsWith(folded) && NUMBERS.test(other.slice(folded.length)));
    if (!isTaken) return (number, count) => `${start}-${five(number)}-of-${five(count)}.safetensors`;
  }
}

function five(number: number): string {
  return String(number).padStart(5, '0');
}
