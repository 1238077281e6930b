import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { PublisherError } from '../../errors.ts';

/** What the payload of every envelope here is. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

export const envelopeSchema = z.looseObject({
  payload: z.base64(),
  payloadType: z.string(),
  signatures: z.array(z.looseObject({ sig: z.base64() })).min(1),
});
export type Envelope = z.infer<typeof envelopeSchema>;

/** DSSE v1, "Signature definition": what is signed of a payload. */
export function preAuthEncoding(payload: Uint8Array, payloadType: string = PAYLOAD_TYPE): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** @param signature base64 of a signature over {@link preAuthEncoding} */
export function envelopeOf(payload: Uint8Array, signature: string): Envelope {
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType: PAYLOAD_TYPE,
    signatures: [{ sig: signature }],
  };
}

export function payloadOf({ payload }: Envelope): Buffer {
  return Buffer.from(payload, 'base64');
}

/** Whether any signature of an envelope is this key's. */
export function envelopeVerifies(envelope: Envelope, key: KeyObject): boolean {
  if (envelope.payloadType !== PAYLOAD_TYPE) return false;
  const signed = preAuthEncoding(payloadOf(envelope), envelope.payloadType);
  return envelope.signatures.some(({ sig }) => signatureVerifies(signed, sig, key));
}

/** @param signature base64; ECDSA as DER, over SHA-256, which is what cosign makes */
export function signatureVerifies(signed: Uint8Array, signature: string, key: KeyObject): boolean {
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    return verify(algorithm, signed, key, Buffer.from(signature, 'base64'));
  } catch {
    // A signature of another kind of key.
    return false;
  }
}

/** @throws PublisherError `environment` for what is no public key in PEM */
export function readPublicKey(pem: string, what: string): KeyObject {
  try {
    if (!pem.includes('PUBLIC KEY')) throw new TypeError('no PEM public key');
    return createPublicKey(pem);
  } catch (cause) {
    throw new PublisherError('environment', `${what} is no public key in PEM: pass cosign.pub, not the private key.`, {
      cause,
    });
  }
}

/** By which a Sigstore bundle says which key it was signed with: base64 of the SHA-256 of the key's SubjectPublicKeyInfo. */
export function keyHint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
}
