import { PublisherError } from '../errors.ts';
import type { Digest } from '../registry/types.ts';

/** A layer is a function of its content: that it came out otherwise before is our own mistake. */
export function notReproducible(path: string, digest: Digest): PublisherError {
  const text = `Layer ${path} came out as ${digest}, but as another digest before: the assembler is not reproducible.`;
  return new PublisherError('internal', text);
}
