/** Names of quantisations as llama.cpp's tools and Unsloth's dynamic ones write them into file names. */
const NAME =
  /(?:^|[^a-z0-9])((?:ud-)?(?:i?q\d[a-z0-9_]*|tq\d_\d|mxfp4[a-z0-9_]*|b?f16|f32|fp16|fp32))(?=[^a-z0-9_]|$)/gi;

/**
 * Whether the quantisation is a word of the path, in any case: `Q4_K_M`, but not the end of `IQ4_K_M`.
 *
 * @param quant of letters, digits, `_` and `-`
 */
export function isQuantisation(path: string, quant: string): boolean {
  return new RegExp(`(?:^|[^a-z0-9])${quant}(?:[^a-z0-9_]|$)`, 'i').test(path);
}

/** The quantisation that a path names last, as written there; null when none is recognised. */
export function quantisationOf(path: string): string | null {
  return [...path.matchAll(NAME)].at(-1)?.[1] ?? null;
}
