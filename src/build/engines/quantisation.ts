/** Names of quantisations as llama.cpp's tools and Unsloth's dynamic ones write them into file names. */
const NAME =
  /(?:^|[^a-z0-9])((?:ud-)?(?:i?q\d[a-z0-9_]*|tq\d_\d|mxfp4[a-z0-9_]*|b?f16|f32|fp16|fp32))(?=[^a-z0-9_]|$)/gi;

/**
 * How well a path fits a quantisation, in any case: 0 does not. It has to be a word of the path (`Q4_K_M`, but not the end of `IQ4_K_M`)
 * and the last one that is a quantisation: `Q8_0-m-Q4_K_M.gguf` is Q4_K_M. Best is a name that ends in it and names no other: of
 * `m-Q4_K_M-embed-Q8_0.gguf` nobody can say that Q8_0 is what it mainly is.
 *
 * @param quant of letters, digits, `_` and `-`
 */
export function fitOf(path: string, quant: string): number {
  const words = [...path.matchAll(new RegExp(`(?<=^|[^a-z0-9])${quant}(?=[^a-z0-9_]|$)`, 'gi'))];
  const last = words.at(-1);
  if (last === undefined) return 0;
  const others = quantisationsIn(path).filter(({ text }) => text.toLowerCase() !== quant.toLowerCase());
  if (others.some(({ at }) => at > last.index)) return 0;
  const ends = stemOf(path).toLowerCase().endsWith(quant.toLowerCase());
  return 1 + (ends ? 1 : 0) + (others.length === 0 ? 2 : 0);
}

/** The quantisation that a path names last, as written there; null when none is recognised. */
export function quantisationOf(path: string): string | null {
  return quantisationsIn(path).at(-1)?.text ?? null;
}

function quantisationsIn(path: string): { text: string; at: number }[] {
  return [...path.matchAll(NAME)].map((match) => {
    const [whole, text = ''] = match;
    return { text, at: match.index + whole.length - text.length };
  });
}

/** Without extension and number of the part. */
function stemOf(path: string): string {
  return path.replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, '');
}
