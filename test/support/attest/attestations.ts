import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Variant } from '../../../src/catalog/types.ts';
import { find, run } from '../../../src/exec.ts';
import { attesterOf } from '../../../src/publish/attest/attester.ts';
import type { BasePackages } from '../../../src/publish/attest/base-packages.ts';
import { Cosign } from '../../../src/publish/attest/cosign.ts';
import type { KeySource, SigningSettings } from '../../../src/publish/attest/settings.ts';
import { createSigner } from '../../../src/publish/attest/signer.ts';
import type { AttestationFacts, Attester } from '../../../src/publish/attest/types.ts';
import type { RegistryRepository } from '../../../src/registry/client.ts';
import type { Digest } from '../../../src/registry/types.ts';
import type { RequestOptions, Workshop } from '../build/workshop.ts';
import { hastyClock } from '../clock/hasty-clock.ts';

export const SOURCE = { repository: 'https://github.com/acme/models', commit: 'c'.repeat(40), path: 'models.yaml' };

export const NO_SIGNING: SigningSettings = { by: null, password: '', tlog: false, publicKey: null };

export function signingWith(key: KeySource): SigningSettings {
  return { ...NO_SIGNING, by: { kind: 'key', key } };
}

export interface KeyPair {
  /** PEM files. */
  privateKey: string;
  publicKey: string;
  remove(): Promise<void>;
}

/** A key pair as `cosign generate-key-pair` makes it, with the empty password. */
export async function cosignKeys(): Promise<KeyPair> {
  const folder = await mkdtemp(join(tmpdir(), 'cosign-keys-'));
  await run('cosign', ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } });
  return {
    privateKey: join(folder, 'cosign.key'),
    publicKey: join(folder, 'cosign.pub'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The real attester; what the base's packages are is told to it. */
export function attesterWith(
  signing: SigningSettings = NO_SIGNING,
  packages: BasePackages = { kind: 'not-listed', why: 'Trivy is not installed' },
): Attester {
  const machine = { run, find, env: process.env, redact: (text: string) => text };
  return attesterOf({
    signer: createSigner(new Cosign({ ...machine, signing, dockerConfig: null }), signing),
    packages: async () => packages,
    clock: hastyClock,
    version: '0.0.0',
  });
}

export interface PublishedImage {
  digest: Digest;
  facts: AttestationFacts;
}

/** A model image in a repository, tagged `v1`, with all that is to be said about it. */
export async function publishImage(
  workshop: Workshop,
  base: string,
  variant: Variant,
  targets: [RegistryRepository, ...RegistryRepository[]],
  more: Partial<RequestOptions> = {},
): Promise<PublishedImage> {
  const target = await workshop.target({ base, variant, ...more });
  if (target.request === null) throw new Error('nothing to build');
  const { digest } = await workshop.build(target.request, targets);
  for (const each of targets) await each.tag('v1', await each.manifest(digest));
  return { digest, facts: { target, source: SOURCE, scan: null } };
}
