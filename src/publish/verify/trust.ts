import type { KeyObject } from 'node:crypto';
import type { Digest, PublishTarget } from '../../registry/types.ts';
import { type Attached, attachedStatements, isSignedBy } from '../attest/attached.ts';
import type { Cosign } from '../attest/cosign.ts';
import type { CertificateOwner } from '../attest/cosign-arguments.ts';
import { imageSignature } from '../attest/image-signature.ts';
import { signedPlace } from '../attest/place.ts';
import { PREDICATE_TYPES, type PredicateType, STATEMENT_NAMES } from '../attest/predicate-types.ts';
import { doubt } from './read-manifests.ts';
import { type Check, failed, notChecked, passed } from './types.ts';

/** Whose signatures count; it comes from the operator, never from the image. */
export type Trust =
  | { kind: 'key'; key: KeyObject }
  | { kind: 'identity'; owner: CertificateOwner; cosign: Cosign }
  | { kind: 'nobody' };

export interface TrustContext {
  source: PublishTarget;
  index: Digest;
  trust: Trust;
  allowUnsigned: boolean;
  signal: AbortSignal;
}

export async function checkSignature({ source, index, trust, allowUnsigned, signal }: TrustContext): Promise<Check> {
  if (trust.kind === 'identity') {
    const accepted = await trust.cosign.verifies(signedPlace(source, index), trust.owner, signal);
    return accepted
      ? passed('signature', `signed by ${trust.owner.identity}`)
      : failed('signature', `no signature of ${trust.owner.identity}, as cosign sees it`);
  }
  const there = await imageSignature(source, index, trust.kind === 'key' ? trust.key : null, signal);
  if (there === 'mine') return passed('signature', 'signed with the given key');
  if (there === 'none') {
    return allowUnsigned
      ? notChecked('signature', 'it is not signed (--allow-unsigned)')
      : failed('signature', 'it is not signed');
  }
  return trust.kind === 'key'
    ? failed('signature', 'the given key has not signed it, others have')
    : notChecked('signature', 'it is signed, and no key was given: pass --key');
}

/** Each statement that has to be there, and those that may be believed. */
export async function checkAttestations(
  context: TrustContext,
): Promise<{ checks: Check[]; believed: ReadonlyMap<PredicateType, Attached[]> }> {
  const { source, index, signal } = context;
  const believed = new Map<PredicateType, Attached[]>();
  const checks: Check[] = [];
  let there: Attached[] = [];
  let problem: string | null = null;
  try {
    there = await attachedStatements(source, index, signal);
  } catch (error) {
    problem = doubt(error);
  }
  for (const type of PREDICATE_TYPES) {
    const check = `attestation:${STATEMENT_NAMES[type]}`;
    const same = there.filter(({ statement }) => statement.predicateType === type);
    const { trusted, verdict } = await judge(context, type, same);
    believed.set(type, trusted);
    checks.push({ check, ...verdict, ...(problem === null ? {} : { detail: problem }) });
  }
  return { checks, believed };
}

async function judge(
  { source, index, trust, allowUnsigned, signal }: TrustContext,
  type: PredicateType,
  same: Attached[],
): Promise<{ trusted: Attached[]; verdict: Pick<Check, 'status' | 'detail'> }> {
  if (same.length === 0)
    return { trusted: [], verdict: { status: 'failed', detail: 'there is none about this digest' } };
  const signed = await signedOnes(trust, type, same, { source, index, signal });
  if (signed.length > 0) return { trusted: signed, verdict: { status: 'passed', detail: 'signed, about this digest' } };
  if (allowUnsigned) {
    // With a key, what others signed counts no more than what nobody did.
    return { trusted: same, verdict: { status: 'passed', detail: 'about this digest; signatures were not asked for' } };
  }
  const detail = same.every(({ envelope }) => envelope === null)
    ? 'it is not signed'
    : 'it is not signed by whom it has to be';
  return trust.kind === 'nobody' && same.some(({ envelope }) => envelope !== null)
    ? { trusted: same, verdict: { status: 'not-checked', detail: 'it is signed, and no key was given: pass --key' } }
    : { trusted: [], verdict: { status: 'failed', detail } };
}

async function signedOnes(
  trust: Trust,
  type: PredicateType,
  same: Attached[],
  { source, index, signal }: Pick<TrustContext, 'source' | 'index' | 'signal'>,
): Promise<Attached[]> {
  if (trust.kind === 'nobody') return [];
  if (trust.kind === 'key') return same.filter((each) => isSignedBy(each, trust.key));
  const accepted = new Set<string>();
  for (const bundle of [false, true]) {
    const payloads = await trust.cosign.acceptedPayloads(
      signedPlace(source, index),
      { type, bundle },
      trust.owner,
      signal,
    );
    for (const payload of payloads) accepted.add(payload);
  }
  return same.filter(({ envelope }) => envelope !== null && accepted.has(envelope.payload));
}
