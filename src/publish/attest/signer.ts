import type { KeyObject } from 'node:crypto';
import { PublisherError } from '../../errors.ts';
import type { Digest, PublishTarget } from '../../registry/types.ts';
import { type Attached, isSignedBy } from './attached.ts';
import { BUNDLE_TYPE, bundleOf } from './bundle.ts';
import type { Cosign } from './cosign.ts';
import { envelopeOf, keyHint, preAuthEncoding, readPublicKey } from './dsse.ts';
import { imageSignature } from './image-signature.ts';
import { signedPlace } from './place.ts';
import { PREDICATE_TYPES, type PredicateType } from './predicate-types.ts';
import type { SigningSettings } from './settings.ts';

/** Signs an index and what is stated about it, and knows its own signatures again. */
export interface Signer {
  /** What people are told of how it signs. */
  says: string;
  /** Who makes Sigstore bundles: we, with one signature for all repositories, or cosign, where the log has to be written to. */
  bundles: 'ours' | 'cosign';
  /** Whether a statement is signed by us. */
  signed(target: PublishTarget, index: Digest, attached: Attached, signal: AbortSignal): Promise<boolean>;
  /** Signs the index where our signature is missing. */
  sign(target: PublishTarget, index: Digest, signal: AbortSignal): Promise<void>;
  /** Writes a statement under the `.att` tag, in the place of others of its type. */
  attest(
    target: PublishTarget,
    index: Digest,
    type: PredicateType,
    predicate: unknown,
    signal: AbortSignal,
  ): Promise<void>;
  /** The bundle of a statement that we sign ourselves. */
  bundleOf(statement: Uint8Array, signal: AbortSignal): Promise<{ artifactType: string; bytes: Uint8Array }>;
  /** Has cosign write the bundle as a referrer. */
  bundle(
    target: PublishTarget,
    index: Digest,
    type: PredicateType,
    predicate: unknown,
    signal: AbortSignal,
  ): Promise<void>;
}

/** @returns null when nothing is to be signed */
export function createSigner(cosign: Cosign, settings: SigningSettings): Signer | null {
  const { by, tlog } = settings;
  if (by === null) return null;
  const log = tlog
    ? 'and written to the public transparency log'
    : 'and not written to a transparency log (COSIGN_TLOG=off)';
  const common = {
    attest: (target: PublishTarget, index: Digest, type: PredicateType, predicate: unknown, signal: AbortSignal) =>
      cosign.attest(
        signedPlace(target, index),
        { type, predicate: JSON.stringify(predicate), bundle: false, replace: true },
        signal,
      ),
    bundle: (target: PublishTarget, index: Digest, type: PredicateType, predicate: unknown, signal: AbortSignal) =>
      cosign.attest(
        signedPlace(target, index),
        { type, predicate: JSON.stringify(predicate), bundle: true, replace: false },
        signal,
      ),
  };
  if (by.kind === 'keyless') {
    return {
      ...common,
      says: `Signed for ${by.identity} of ${by.issuer}, ${log}.`,
      bundles: 'cosign',
      async signed(target, index, { place, statement, envelope }, signal) {
        const type = PREDICATE_TYPES.find((known) => known === statement.predicateType);
        if (type === undefined || envelope === null) return false;
        const what = { type, bundle: place === 'referrer' };
        return (await cosign.acceptedPayloads(signedPlace(target, index), what, by, signal)).includes(envelope.payload);
      },
      async sign(target, index, signal) {
        const place = signedPlace(target, index);
        if (!(await cosign.verifies(place, by, signal))) await cosign.sign(place, signal);
      },
      async bundleOf() {
        throw new PublisherError('internal', 'Without a key, cosign makes the bundles.');
      },
    };
  }
  let known: Promise<KeyObject> | null = null;
  const key = (signal: AbortSignal) => {
    known ??= cosign.publicKey(signal).then((pem) => readPublicKey(pem, 'The public half of COSIGN_PRIVATE_KEY'));
    // What failed once may succeed for the next image.
    known.catch(() => {
      known = null;
    });
    return known;
  };
  return {
    ...common,
    says: `Signed with the configured key, ${log}.`,
    bundles: tlog ? 'cosign' : 'ours',
    signed: async (_target, _index, attached, signal) => isSignedBy(attached, await key(signal)),
    async sign(target, index, signal) {
      if ((await imageSignature(target, index, await key(signal), signal)) === 'mine') return;
      await cosign.sign(signedPlace(target, index), signal);
    },
    async bundleOf(statement, signal) {
      const envelope = envelopeOf(statement, await cosign.signBytes(preAuthEncoding(statement), signal));
      return {
        artifactType: BUNDLE_TYPE,
        bytes: new TextEncoder().encode(bundleOf(envelope, keyHint(await key(signal)))),
      };
    },
  };
}
