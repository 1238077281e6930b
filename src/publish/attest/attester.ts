import type { Clock } from '../../clock.ts';
import { digestOf } from '../../registry/digest.ts';
import type { Descriptor, Digest, PublishTarget } from '../../registry/types.ts';
import type { Attestation } from '../../store/publications.ts';
import { type Attached, attachedStatements } from './attached.ts';
import type { BasePackages } from './base-packages.ts';
import { NOT_ENUMERATED } from './base-packages.ts';
import { PAYLOAD_TYPE } from './dsse.ts';
import { type PreparedReferrer, placeReferrer, prepareReferrer } from './place.ts';
import type { Signer } from './signer.ts';
import { statementOf } from './statement.ts';
import { type Wanted, wantedStatements } from './statements.ts';
import { requestOf } from './subject-model.ts';
import type { AttestationFacts, Attested, Attester } from './types.ts';

export interface AttesterParts {
  /** null: nothing is signed. */
  signer: Signer | null;
  /** The base's packages; asked for at most once an image, and only when an SBOM has to be written. */
  packages(facts: AttestationFacts, signal: AbortSignal): Promise<BasePackages>;
  clock: Clock;
  /** Of this program. */
  version: string;
}

/** One repository with what lies in it. */
interface Repository {
  target: PublishTarget;
  there: Attached[];
}

export function attesterOf(parts: AttesterParts): Attester {
  return {
    async attest(index, repositories, facts, signal) {
      const work = new Attesting(parts, index, facts, signal);
      return work.attest(repositories);
    },
  };
}

/** The statements of one index, brought to every repository. */
class Attesting {
  readonly #parts: AttesterParts;
  readonly #index: Digest;
  readonly #facts: AttestationFacts;
  readonly #signal: AbortSignal;
  #packages: Promise<BasePackages> | null = null;
  readonly #notes = new Set<string>();

  constructor(parts: AttesterParts, index: Digest, facts: AttestationFacts, signal: AbortSignal) {
    this.#parts = parts;
    this.#index = index;
    this.#facts = facts;
    this.#signal = signal;
  }

  async attest(targets: readonly PublishTarget[]): Promise<Attested> {
    const { signer, version, clock } = this.#parts;
    const at = new Date(clock.now()).toISOString();
    const repositories: Repository[] = [];
    for (const target of targets) {
      repositories.push({ target, there: await attachedStatements(target, this.#index, this.#signal) });
    }
    const attestations: Attestation[] = [];
    for (const wanted of wantedStatements(this.#index, this.#facts, version, at)) {
      const referrer = await this.#everywhere(wanted, repositories);
      if (referrer !== null) {
        attestations.push({ predicateType: wanted.type, digest: referrer, signed: signer !== null });
      }
    }
    for (const { target } of repositories) await signer?.sign(target, this.#index, this.#signal);
    this.#noteState();
    return { attestations, signed: signer !== null, notes: [...this.#notes] };
  }

  /** @returns digest of the statement's referrer */
  async #everywhere(wanted: Wanted, repositories: readonly Repository[]): Promise<Digest | null> {
    const { signer } = this.#parts;
    const standing: { target: PublishTarget; stands: { referrer: Attached | null; att: boolean } }[] = [];
    for (const { target, there } of repositories) {
      standing.push({ target, stands: await this.#standing(wanted, target, there) });
    }
    const known = standing.flatMap(({ stands }) => stands.referrer ?? [])[0] ?? null;
    const lacking = standing.filter(({ stands }) => stands.referrer === null).map(({ target }) => target);
    const digest = await this.#refer(wanted, known, lacking);
    for (const { target, stands } of standing) {
      if (signer === null || stands.att) continue;
      const predicate = wanted.predicate(await this.#base(wanted));
      await signer.attest(target, this.#index, wanted.type, predicate, this.#signal);
    }
    return digest;
  }

  /** Gives a referrer to those repositories that lack it: the one another repository has, or a new one. */
  async #refer(wanted: Wanted, known: Attached | null, lacking: readonly PublishTarget[]): Promise<Digest | null> {
    const { signer } = this.#parts;
    const [first] = lacking;
    if (first === undefined) return known?.manifest.digest ?? null;
    if (known === null && signer?.bundles === 'cosign') {
      const predicate = wanted.predicate(await this.#base(wanted));
      for (const target of lacking) await signer.bundle(target, this.#index, wanted.type, predicate, this.#signal);
      const there = await attachedStatements(first, this.#index, this.#signal);
      return (await this.#standing(wanted, first, there)).referrer?.manifest.digest ?? null;
    }
    const prepared = known === null ? await this.#prepare(wanted, first) : copyOf(known);
    for (const target of lacking) await placeReferrer(target, this.#index, prepared, this.#signal);
    return digestOf(prepared.manifest);
  }

  async #prepare(wanted: Wanted, target: PublishTarget): Promise<PreparedReferrer> {
    const { signer } = this.#parts;
    const { bytes, mediaType } = await target.manifest(this.#index, { signal: this.#signal });
    const subject = { mediaType, digest: this.#index, size: bytes.byteLength };
    const { short } = requestOf(this.#facts.target).inputs;
    const predicate = wanted.predicate(await this.#base(wanted));
    const statement = new TextEncoder().encode(statementOf(`hf-${short}`, this.#index, wanted.type, predicate));
    const content =
      signer === null
        ? { artifactType: PAYLOAD_TYPE, bytes: statement }
        : await signer.bundleOf(statement, this.#signal);
    return prepareReferrer(subject, { predicateType: wanted.type, ...content }, signer !== null, describe);
  }

  /** What there is of a statement that may stay: it says as much as ours would, and bears our signature where we sign. */
  async #standing(
    wanted: Wanted,
    target: PublishTarget,
    there: readonly Attached[],
  ): Promise<{ referrer: Attached | null; att: boolean }> {
    const { signer } = this.#parts;
    const same = there.filter(({ statement }) => statement.predicateType === wanted.type);
    const trusted: Attached[] = [];
    for (const each of same) {
      const counts =
        signer === null ? each.envelope === null : await signer.signed(target, this.#index, each, this.#signal);
      if (counts) trusted.push(each);
    }
    const standing = (listed: boolean | null) => {
      const ours = trusted.filter(({ statement: { predicate } }) =>
        signer === null ? wanted.standsBare(predicate, listed) : wanted.stands(predicate, listed),
      );
      return {
        referrer: ours.find(({ place }) => place === 'referrer') ?? null,
        att: ours.some(({ place }) => place === 'att'),
      };
    };
    const now = standing(null);
    const lacks = now.referrer === null || (signer !== null && !now.att);
    if (!lacks || !wanted.packages || trusted.length === 0) return now;
    // What lists no packages stands only where they cannot be listed now.
    return standing((await this.#base(wanted)).kind === 'listed');
  }

  #base({ packages }: Wanted): Promise<BasePackages> {
    if (!packages) return Promise.resolve({ kind: 'not-listed', why: 'nobody asked' });
    this.#packages ??= this.#listed();
    return this.#packages;
  }

  async #listed(): Promise<BasePackages> {
    const base = await this.#parts.packages(this.#facts, this.#signal);
    if (base.kind === 'not-listed') this.#notes.add(`SBOM: ${NOT_ENUMERATED}: ${base.why}.`);
    return base;
  }

  #noteState(): void {
    const { signer } = this.#parts;
    const { scan } = this.#facts;
    this.#notes.add(signer === null ? 'Nothing is signed: no key and no identity is configured.' : signer.says);
    if (scan?.status !== 'scanned') this.#notes.add(`Stated as not scanned: ${scan?.reason ?? 'nobody scanned it'}.`);
  }
}

function copyOf({ manifest, content }: Attached): PreparedReferrer {
  const { mediaType } = content.descriptor;
  return { manifest: manifest.bytes, mediaType: manifest.mediaType, content: { mediaType, bytes: content.bytes } };
}

function describe(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}
