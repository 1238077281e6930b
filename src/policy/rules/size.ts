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

/** Each file against `limits.layer_max_bytes`, since a file is never split over layers. */
export const layerSize: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const limit = input.limits.layerMaxBytes;
  const over = chosenFiles(facts, input.choice).filter(({ size }) => !(size <= limit));
  if (over.length === 0) return [];
  const names = quoteSome(over.map(({ path }) => path));
  const largest = Math.max(...over.map(({ size }) => size));
  return [
    denies(
      'layer-too-large',
      `${names} (up to ${largest} bytes) does not fit into one layer of \`limits.layer_max_bytes\` (${limit}): raise it, if your registry accepts such layers.`,
    ),
  ];
};
