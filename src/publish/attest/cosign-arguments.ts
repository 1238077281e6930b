import { isLoopback } from '../../registry/reference.ts';
import type { Digest } from '../../registry/types.ts';
import { COSIGN_TYPES, type PredicateType } from './predicate-types.ts';
import type { KeySource, SigningSettings } from './settings.ts';

/** cosign's command lines and environment, apart from running it. Flags as of 2.5. */

type Signing = Pick<SigningSettings, 'by' | 'tlog'>;

/** An image in one repository, `host/name`. */
export interface SignedPlace {
  registry: string;
  repository: string;
  digest: Digest;
}

/** `cosign sign`: the index alone, which names every platform's manifest by digest. */
export function signArguments(place: SignedPlace, signing: Signing): string[] {
  return ['sign', '--yes', ...signer(signing), ...connection(place), referenceOf(place)];
}

/**
 * `cosign attest`: under the `.att` tag or, with `bundle`, as a Sigstore bundle that refers to the image.
 *
 * @param predicate file with the predicate
 * @param replace takes the place of statements of the same type under the tag
 */
export function attestArguments(
  place: SignedPlace,
  { type, predicate, bundle, replace }: { type: PredicateType; predicate: string; bundle: boolean; replace: boolean },
  signing: Signing,
): string[] {
  return [
    'attest',
    '--yes',
    ...signer(signing),
    ...['--type', COSIGN_TYPES[type]],
    ...['--predicate', predicate],
    ...(bundle ? ['--new-bundle-format'] : []),
    ...(replace ? ['--replace'] : []),
    ...connection(place),
    referenceOf(place),
  ];
}

/** `cosign sign-blob`: base64 of the signature on standard output. */
export function signBlobArguments(signing: Signing, file: string): string[] {
  return ['sign-blob', '--yes', ...signer(signing), file];
}

export function publicKeyArguments(key: KeySource): string[] {
  return ['public-key', '--key', keyArgument(key)];
}

/** What `cosign verify` and `verify-attestation` ask of a certificate. */
export interface CertificateOwner {
  identity: string;
  issuer: string;
}

export function verifyArguments(place: SignedPlace, owner: CertificateOwner): string[] {
  return ['verify', ...certificate(owner), ...connection(place), referenceOf(place)];
}

export function verifyAttestationArguments(
  place: SignedPlace,
  { type, bundle }: { type: PredicateType; bundle: boolean },
  owner: CertificateOwner,
): string[] {
  return [
    'verify-attestation',
    ...['--type', COSIGN_TYPES[type]],
    ...(bundle ? ['--new-bundle-format'] : []),
    ...certificate(owner),
    ...connection(place),
    referenceOf(place),
  ];
}

const PASSED = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE'];
/** Where cosign finds an identity by itself. */
const AMBIENT = ['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'SIGSTORE_ID_TOKEN'];

/** All that cosign is given of our environment, PATH and HOME apart. */
export function cosignEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  { by, password }: Pick<SigningSettings, 'by' | 'password'>,
  dockerConfig: string,
): Record<string, string> {
  const names = [...PASSED, ...(by?.kind === 'keyless' ? AMBIENT : [])];
  const passed = names.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(passed),
    DOCKER_CONFIG: dockerConfig,
    // An empty one too: without the variable cosign would ask for it.
    ...(by?.kind === 'key' ? { COSIGN_PASSWORD: password } : {}),
    ...(by?.kind === 'key' && by.key.kind === 'pem' ? { COSIGN_PRIVATE_KEY: by.key.pem } : {}),
    ...(by?.kind === 'keyless' && by.token !== null ? { SIGSTORE_ID_TOKEN: by.token } : {}),
  };
}

function signer({ by, tlog }: Signing): string[] {
  const log = `--tlog-upload=${tlog}`;
  return by?.kind === 'key' ? ['--key', keyArgument(by.key), log] : [log];
}

/** A key in PEM goes through the environment, never through arguments, which every process can read. */
function keyArgument(key: KeySource): string {
  return key.kind === 'file' ? key.path : 'env://COSIGN_PRIVATE_KEY';
}

function certificate({ identity, issuer }: CertificateOwner): string[] {
  return ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
}

function connection({ registry }: SignedPlace): string[] {
  return isLoopback(registry) ? ['--allow-insecure-registry', '--allow-http-registry'] : [];
}

function referenceOf({ registry, repository, digest }: SignedPlace): string {
  return `${registry}/${repository}@${digest}`;
}
