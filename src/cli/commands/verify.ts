import { access, readFile } from 'node:fs/promises';
import { readEnvironment } from '../../environment.ts';
import { messageOf, PublisherError } from '../../errors.ts';
import { find, run } from '../../exec.ts';
import { Cosign } from '../../publish/attest/cosign.ts';
import { readPublicKey } from '../../publish/attest/dsse.ts';
import type { KeySource } from '../../publish/attest/settings.ts';
import type { CatalogToHold } from '../../publish/verify/check-catalog.ts';
import type { Trust } from '../../publish/verify/trust.ts';
import type { Verification } from '../../publish/verify/types.ts';
import { verifyImage } from '../../publish/verify/verify.ts';
import { dockerConfigOf } from '../../registry/docker-config.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';
import type { Reference } from '../../registry/types.ts';
import { createServices, type Services } from '../../services.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { loadCatalog } from '../load-catalog.ts';
import { cliLogger } from '../logger.ts';
import { ownerOf } from '../owner.ts';
import { usable } from '../plan-context.ts';

/** `{reference, digest, ok, checks: [{check, status, detail}]}`; 1 on any doubt, 3 when registry or Hub do not answer. */
export const verify: Command = {
  name: 'verify',
  summary: 'check a published image: signature, digests, attestations, weights, licences',
  positionals: ['REF'],
  flags: {
    ...CATALOG_FLAG,
    'no-catalog': { type: 'boolean', description: 'hold the provenance against no catalog' },
    ...OWNER_FLAG,
    key: { type: 'string', placeholder: 'FILE', description: 'public key whose signatures count (PEM)' },
    'certificate-identity': {
      type: 'string',
      placeholder: 'NAME',
      description: 'identity whose keyless signatures count (needs cosign)',
    },
    'certificate-oidc-issuer': { type: 'string', placeholder: 'URL', description: 'who vouches for that identity' },
    'allow-unsigned': { type: 'boolean', description: 'accept what nobody signed' },
    shallow: { type: 'boolean', description: 'ask whether layers are there instead of reading them' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details: [
    'The key is --key, else COSIGN_PUBLIC_KEY, else the public half of COSIGN_PRIVATE_KEY; it is never taken from the image.',
    'The provenance is held against --catalog, else against models.yaml where that is there and has the model.',
    'Exit codes: 0 when everything passed, 1 on any doubt, 3 when registry or Hub do not answer.',
  ].join('\n'),
  async run(context) {
    const { arguments: given, output, signal } = context;
    const [text = ''] = given.positionals;
    const reference = parseReference(text);
    const environment = readEnvironment(context.variables, 'command');
    const logger = cliLogger(output, given.given('verbose'));
    const trustedRegistries = [reference.registry];
    const services = await createServices({
      environment,
      logger,
      as: 'command',
      secrets: context.secrets,
      trustedRegistries,
    });
    const owner = await ownerOf(context);
    const catalog = await catalogToHold(context);
    const done = await verifyImage(formatReference(reference), reference.digest ?? reference.tag ?? 'latest', {
      source: repositoryOf(services, reference, owner),
      hub: services.hub(owner),
      trust: await trustOf(context, services, owner),
      allowUnsigned: given.given('allow-unsigned'),
      shallow: given.given('shallow'),
      catalog,
      catalogNamed: given.text('catalog') !== undefined,
      signal,
      onLayer: (digest, at, total) => output.status(`reading layer ${at + 1} of ${total}: ${digest}`),
    });
    output.status(null);
    output.result(done, describe(done));
    return done.ok ? 0 : 1;
  },
};

async function catalogToHold({ arguments: given }: CommandContext): Promise<CatalogToHold> {
  const named = given.text('catalog');
  if (given.given('no-catalog')) {
    if (named === undefined) return null;
    throw new PublisherError('usage', '--catalog and --no-catalog exclude each other.');
  }
  const path = named ?? 'models.yaml';
  if (named === undefined && !(await isThere(path))) return 'missing';
  return usable(await loadCatalog(path), path);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Where images are published, or else where bases may come from: a reader of other people's images has no PUBLISH_ALLOW for them. */
function repositoryOf(services: Services, reference: Reference, owner: string | null) {
  try {
    return services.target(reference, owner);
  } catch (error) {
    if (!(error instanceof PublisherError) || error.code !== 'refused') throw error;
    return services.source(reference, owner);
  }
}

async function trustOf(
  context: CommandContext,
  { environment, redact }: Services,
  owner: string | null,
): Promise<Trust> {
  const { arguments: given, variables, signal } = context;
  const { signing } = environment;
  const cosign = new Cosign({
    run,
    find,
    env: variables,
    redact,
    signing,
    dockerConfig: await dockerConfigOf(owner, environment),
  });
  const [identity, issuer] = [given.text('certificate-identity'), given.text('certificate-oidc-issuer')];
  if ((identity === undefined) !== (issuer === undefined)) {
    throw new PublisherError('usage', '--certificate-identity and --certificate-oidc-issuer belong together.');
  }
  const file = given.text('key');
  if (file !== undefined && identity !== undefined) {
    throw new PublisherError('usage', '--key and --certificate-identity exclude each other.');
  }
  if (identity !== undefined && issuer !== undefined) {
    return { kind: 'identity', owner: { identity, issuer }, cosign };
  }
  if (file !== undefined) return { kind: 'key', key: await readKey({ kind: 'file', path: file }, file) };
  if (signing.publicKey !== null) return { kind: 'key', key: await readKey(signing.publicKey, 'COSIGN_PUBLIC_KEY') };
  if (signing.by?.kind === 'key') {
    return { kind: 'key', key: readPublicKey(await cosign.publicKey(signal), 'The public half of COSIGN_PRIVATE_KEY') };
  }
  if (signing.by?.kind === 'keyless') return { kind: 'identity', owner: signing.by, cosign };
  return { kind: 'nobody' };
}

async function readKey(source: KeySource, what: string) {
  if (source.kind === 'pem') return readPublicKey(source.pem, what);
  try {
    return readPublicKey(await readFile(source.path, 'utf8'), what);
  } catch (error) {
    if (error instanceof PublisherError) throw error;
    throw new PublisherError('environment', `Cannot read the key ${source.path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

const SIGNS = { passed: 'ok', failed: 'FAILED', 'not-checked': 'not checked' } as const;

function describe({ reference, digest, ok, checks }: Verification): string[] {
  const width = Math.max(...checks.map(({ check }) => check.length));
  return [
    `${reference}${digest === null || reference.includes(digest) ? '' : ` (${digest})`}: ${ok ? 'verified' : 'NOT verified'}`,
    ...checks.map(({ check, status, detail }) => `  ${check.padEnd(width)}  ${SIGNS[status]}: ${detail}`),
  ];
}
