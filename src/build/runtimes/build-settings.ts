import { z } from 'zod';
import { PublisherError } from '../../errors.ts';
import { parseReference } from '../../registry/reference.ts';

/** How the operator wants runtime images built, beside the choice of the builder. */
export interface BuildSettings {
  sbomGenerator: string | null;
  network: 'host' | null;
}

const schema = z.object({
  SBOM_GENERATOR: z.string().refine(isReference, 'must be an image reference').optional(),
  BUILD_NETWORK: z.literal('host', 'can only be `host`').optional(),
});

/** @throws PublisherError `environment` that lists what is malformed */
export function readBuildSettings(variables: Record<string, string | undefined>): BuildSettings {
  const { SBOM_GENERATOR, BUILD_NETWORK } = variables;
  const parsed = schema.safeParse({
    SBOM_GENERATOR: SBOM_GENERATOR || undefined,
    BUILD_NETWORK: BUILD_NETWORK || undefined,
  });
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`);
    throw new PublisherError('environment', `Settings are wrong: ${lines.join('; ')}.`);
  }
  return { sbomGenerator: parsed.data.SBOM_GENERATOR ?? null, network: parsed.data.BUILD_NETWORK ?? null };
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return !text.includes(',');
  } catch {
    return false;
  }
}
