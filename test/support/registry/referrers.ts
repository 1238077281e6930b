import { z } from 'zod';
import type { RegistryStorage } from './storage.ts';

const referrerSchema = z.looseObject({
  artifactType: z.string().optional(),
  config: z.looseObject({ mediaType: z.string() }).optional(),
  subject: z.looseObject({ digest: z.string() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** The digest a manifest refers to; null for one that refers to nothing. */
export function subjectOf(bytes: Buffer): string | null {
  return parse(bytes)?.subject?.digest ?? null;
}

/** What a repository holds that refers to a manifest, as descriptors by digest ("Listing Referrers"). */
export function referrersOf(storage: RegistryStorage, name: string, subject: string) {
  const stored = [...(storage.repositories.get(name)?.manifests ?? [])];
  return stored
    .flatMap(([digest, { mediaType, bytes }]) => {
      const manifest = parse(bytes);
      if (manifest?.subject?.digest !== subject) return [];
      const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
      return [{ mediaType, digest, size: bytes.byteLength, artifactType, annotations: manifest.annotations }];
    })
    .sort((a, b) => (a.digest < b.digest ? -1 : 1));
}

function parse(bytes: Buffer) {
  return referrerSchema.safeParse(JSON.parse(bytes.toString('utf8'))).data ?? null;
}
