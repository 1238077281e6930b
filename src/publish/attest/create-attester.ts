import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { find, run } from '../../exec.ts';
import { dockerConfigOf } from '../../registry/docker-config.ts';
import { PACKAGE_ROOT, type Services } from '../../services.ts';
import { attesterOf } from './attester.ts';
import type { BasePackages } from './base-packages.ts';
import { Cosign } from './cosign.ts';
import { listPackages } from './list-packages.ts';
import { createSigner } from './signer.ts';
import { platformReference, requestOf } from './subject-model.ts';
import type { Attester } from './types.ts';

/** Packages of bases by their digest: models share bases, and one listing reads gigabytes. */
type Listed = Map<string, BasePackages>;
const MOST_LISTED = 16;

/**
 * What states and signs for one owner, with the owner's registry logins.
 *
 * @param listed packages of bases known already; shared by the attesters of one process
 */
export async function createAttester(
  { environment, redact, clock }: Services,
  owner: string | null,
  variables: Readonly<Record<string, string | undefined>> = process.env,
  listed: Listed = new Map(),
): Promise<Attester> {
  const dockerConfig = await dockerConfigOf(owner, environment);
  const machine = { run, find, env: variables, redact };
  const cosign = new Cosign({ ...machine, signing: environment.signing, dockerConfig });
  return attesterOf({
    signer: createSigner(cosign, environment.signing),
    clock,
    version: await ownVersion(),
    async packages({ target }, signal) {
      const request = requestOf(target);
      const known = listed.get(request.base.digest);
      if (known !== undefined) return known;
      const references = Object.values(request.inputs.base).map((digest) => platformReference(request, digest));
      const trivy = { ...machine, cacheDir: variables.TRIVY_CACHE_DIR ?? null };
      const found = await listPackages(trivy, references, dockerConfig, signal);
      // A failure may be another one's tomorrow.
      if (found.kind === 'listed') remember(listed, request.base.digest, found);
      return found;
    },
  });
}

function remember(listed: Listed, digest: string, found: BasePackages): void {
  const [oldest] = listed.keys();
  if (listed.size >= MOST_LISTED && oldest !== undefined) listed.delete(oldest);
  listed.set(digest, found);
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('package.json', PACKAGE_ROOT), 'utf8');
  return z.looseObject({ version: z.string() }).parse(JSON.parse(text)).version;
}
