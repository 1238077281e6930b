import { statSync } from 'node:fs';
import { z } from 'zod';

/** A key: its PEM text, or the file it lies in. */
export type KeySource = { kind: 'pem'; pem: string } | { kind: 'file'; path: string };

export interface SigningSettings {
  /** null: nothing is signed. */
  by:
    | { kind: 'key'; key: KeySource }
    /** A short-lived certificate for an identity (Fulcio), found in the surroundings or given as a token. */
    | { kind: 'keyless'; identity: string; issuer: string; token: string | null }
    | null;
  /** Of the private key; may be empty. */
  password: string;
  /** Whether signatures, and with them the images' names, go to the public transparency log. */
  tlog: boolean;
  /** Whose signatures `verify` accepts; null where only the private key tells. */
  publicKey: KeySource | null;
}

const PRIVATE = /^-----BEGIN ENCRYPTED (SIGSTORE|COSIGN) PRIVATE KEY-----/;
const PUBLIC = /^-----BEGIN PUBLIC KEY-----/;

const text = z.string().trim().min(1);
const toggle = z.enum(['on', 'off'], 'must be `on` or `off`');
const key = (pem: RegExp, what: string) =>
  text.transform((value, context): KeySource => {
    if (value.startsWith('-----BEGIN')) {
      const unescaped = value.replaceAll('\\n', '\n');
      if (!pem.test(unescaped)) context.addIssue({ code: 'custom', message: `must be ${what}` });
      return { kind: 'pem', pem: `${unescaped}\n` };
    }
    if (statSync(value, { throwIfNoEntry: false })?.isFile() !== true) {
      context.addIssue({ code: 'custom', message: `must be ${what}, or the path of a file with it` });
    }
    return { kind: 'file', path: value };
  });

/** The variables of signing, for the schema of all settings. */
export const signingVariables = {
  COSIGN_PRIVATE_KEY: key(PRIVATE, "cosign's encrypted private key in PEM").optional(),
  COSIGN_PUBLIC_KEY: key(PUBLIC, 'a public key in PEM').optional(),
  COSIGN_PASSWORD: z.string().default(''),
  COSIGN_TLOG: toggle.optional(),
  COSIGN_KEYLESS: toggle.default('off'),
  COSIGN_IDENTITY_TOKEN: text.optional(),
  COSIGN_CERTIFICATE_IDENTITY: text.optional(),
  COSIGN_CERTIFICATE_OIDC_ISSUER: text.optional(),
};
const variables = z.object(signingVariables);
type SigningVariables = z.infer<typeof variables>;

/** What is wrong with the variables together, each as `NAME what`. */
export function signingProblems(given: SigningVariables): string[] {
  if (given.COSIGN_KEYLESS === 'off') return [];
  const missing = (['COSIGN_CERTIFICATE_IDENTITY', 'COSIGN_CERTIFICATE_OIDC_ISSUER'] as const).filter(
    (name) => given[name] === undefined,
  );
  return [
    ...(given.COSIGN_PRIVATE_KEY === undefined ? [] : ['COSIGN_KEYLESS must be `off` beside COSIGN_PRIVATE_KEY']),
    ...(given.COSIGN_TLOG === 'off'
      ? ['COSIGN_TLOG must be `on` with COSIGN_KEYLESS: only the log proves the time']
      : []),
    // Else a second run could not tell its own signatures from anybody's.
    ...missing.map((name) => `${name} is missing, which COSIGN_KEYLESS needs`),
  ];
}

export function signingSettings(given: SigningVariables): SigningSettings {
  const keyless = given.COSIGN_KEYLESS === 'on';
  const by: SigningSettings['by'] = keyless
    ? {
        kind: 'keyless',
        identity: given.COSIGN_CERTIFICATE_IDENTITY ?? '',
        issuer: given.COSIGN_CERTIFICATE_OIDC_ISSUER ?? '',
        token: given.COSIGN_IDENTITY_TOKEN ?? null,
      }
    : given.COSIGN_PRIVATE_KEY === undefined
      ? null
      : { kind: 'key', key: given.COSIGN_PRIVATE_KEY };
  return {
    by,
    password: given.COSIGN_PASSWORD,
    tlog: keyless || given.COSIGN_TLOG === 'on',
    publicKey: given.COSIGN_PUBLIC_KEY ?? null,
  };
}
