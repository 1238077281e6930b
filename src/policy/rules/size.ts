import { quoteSome } from '../quote.ts';
import { chosenFiles, denies, factsOf, type Rule } from '../reason.ts';

// Comparisons are written as "not within", so that a limit that is not a number denies.

/** The whole of the weights against `limits.fat_max_bytes`. */
export const totalSize: Rule = ({ choice, limits }) => {
  if (choice === null || choice.bytes <= limits.fatMaxBytes) return [];
  return [
    denies(
      'too-large',
      `The files are ${choice.bytes} bytes, over \`limits.fat_max_bytes\` (${limits.fatMaxBytes}): raise it, or leave files out with \`files.exclude\`.`,
    ),
  ];
};

/** Each file against the layer limit: a file is never spread over layers, but a safetensors file may become several. */
export const layerSize: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const limit = input.limits.layerMaxBytes;
  const stuck = chosenFiles(facts, input.choice).filter(({ path, size }) => {
    const reshard = input.reshard.get(path);
    return reshard === undefined ? !(size <= limit) : reshard.kind === 'refused';
  });
  if (stuck.length === 0) return [];
  const names = quoteSome(stuck.map(({ path }) => path));
  const largest = Math.max(...stuck.map(({ size }) => size));
  const [first] = stuck.map(({ path }) => input.reshard.get(path));
  const why = first?.kind === 'refused' ? first.why : 'cannot be split';
  return [
    denies(
      'layer-too-large',
      `${names} (up to ${largest} bytes) does not fit into one layer of ${limit} bytes, the strictest of \`limits.layer_max_bytes\` and of the registries it goes to, and ${why}.`,
    ),
  ];
};
