import { z } from 'zod';
import { PublisherError } from '../../errors.ts';
import type { Digest } from '../../registry/types.ts';
import { digestSchema } from '../schema.ts';

const schema = z.looseObject({ 'containerimage.digest': digestSchema });

/**
 * The manifest's digest, from the file that `--metadata-file` names (docs.docker.com, "docker buildx build").
 *
 * @throws PublisherError `environment` when buildx wrote something else
 */
export function parseMetadata(text: string): Digest {
  try {
    return schema.parse(JSON.parse(text))['containerimage.digest'];
  } catch (cause) {
    throw new PublisherError(
      'environment',
      'docker buildx did not say what it built: buildx 0.13 or later is needed.',
      {
        cause,
      },
    );
  }
}
