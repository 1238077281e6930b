import { z } from 'zod';
import { canonicalJson } from '../../image/canonical-json.ts';
import { type Envelope, envelopeSchema } from './dsse.ts';

/** Sigstore bundle v0.3 (sigstore/protobuf-specs), media type and `mediaType` member in one. */
export const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const schema = z.looseObject({
  mediaType: z.string().startsWith('application/vnd.dev.sigstore.bundle'),
  verificationMaterial: z.looseObject({ certificate: z.unknown().optional() }),
  dsseEnvelope: envelopeSchema,
});

/** @param hint which public key verifies it */
export function bundleOf(envelope: Envelope, hint: string): string {
  return canonicalJson({
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint } },
    dsseEnvelope: envelope,
  });
}

/** The envelope of a bundle; null for anything that is none. */
export function parseBundle(bytes: Uint8Array): Envelope | null {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes))).dsseEnvelope;
  } catch {
    return null;
  }
}
