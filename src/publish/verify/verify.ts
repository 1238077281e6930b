import type { Hub } from '../../huggingface/types.ts';
import type { ManifestContent, PublishTarget } from '../../registry/types.ts';
import { PROVENANCE } from '../attest/predicate-types.ts';
import { type CatalogToHold, catalogOf, checkCatalog } from './check-catalog.ts';
import { checkContent } from './check-content.ts';
import { askForLayers, readAllLayers } from './check-layers.ts';
import { checkName } from './check-name.ts';
import { provenanceProblems, type ReadProvenance, readProvenance } from './check-provenance.ts';
import { labelsOf } from './image-facts.ts';
import { doubt, type ReadPlatform, readPlatforms } from './read-manifests.ts';
import { checkAttestations, checkSignature, type Trust } from './trust.ts';
import { type Check, failed, judged, notChecked, passed, type Verification } from './types.ts';

export interface VerifyContext {
  /** The repository. */
  source: PublishTarget;
  hub: Hub;
  trust: Trust;
  /** Accepts what nobody signed. */
  allowUnsigned: boolean;
  /** Asks whether layers are there instead of reading them. */
  shallow: boolean;
  catalog: CatalogToHold;
  /** Whether somebody said which: one that merely lies there need not have the model. */
  catalogNamed: boolean;
  signal: AbortSignal;
  /** Called before each layer is read. */
  onLayer?: (digest: string, done: number, total: number) => void;
}

/**
 * Looks at everything that is said of a published image, and at the image itself.
 *
 * @param reference how it was asked for
 * @param tagOrDigest of it
 * @throws PublisherError when the registry or the Hub does not answer (`registry-unavailable`, `hub-unavailable`, …), or there is no such tag
 */
export async function verifyImage(
  reference: string,
  tagOrDigest: string,
  context: VerifyContext,
): Promise<Verification> {
  const { source, signal } = context;
  let top: ManifestContent;
  try {
    top = await source.manifest(tagOrDigest, { signal });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'registry-not-found') throw error;
    return result(reference, null, [failed('index', doubt(error))], context);
  }
  const index = top.digest;
  const trusting = { source, index, trust: context.trust, allowUnsigned: context.allowUnsigned, signal };
  const signature = await checkSignature(trusting);
  const { checks: attestations, believed } = await checkAttestations(trusting);
  const { platforms, problems } = await readPlatforms(source, top, signal);
  const provenance = (believed.get(PROVENANCE) ?? []).flatMap((each) => readProvenance(each.statement.predicate) ?? []);
  const checks = [
    passed('index', index),
    signature,
    judged(
      'manifests',
      problems,
      `${platforms.length} platforms: ${platforms.map(({ platform }) => platform).join(', ')}`,
    ),
    ...attestations,
    checkProvenance(provenance, platforms),
    checkName({ repository: source.name, tagOrDigest }, provenance, catalogOf(context.catalog)),
    ...(await checkCatalog(provenance, context.catalog, context)),
    ...(await checkBytes(context, platforms, provenance)),
  ];
  return result(reference, index, checks, context);
}

function checkProvenance(provenance: readonly ReadProvenance[], platforms: readonly ReadPlatform[]): Check {
  const labelled = provenance.flatMap((read) =>
    platforms.flatMap(({ config, platform }) => provenanceProblems(read, labelsOf(config), platform)),
  );
  if (provenance.length === 0) return failed('provenance', 'there is none that can be believed and read');
  return judged('provenance', labelled, "it tells of this image's model, variant, runtime, base and inputs");
}

async function checkBytes(
  { source, hub, shallow, signal, onLayer }: VerifyContext,
  platforms: readonly ReadPlatform[],
  provenance: readonly ReadProvenance[],
): Promise<Check[]> {
  if (shallow) {
    return [
      await askForLayers(source, platforms, signal),
      notChecked('weights', 'layers were not read (--shallow)'),
      notChecked('licenses', 'layers were not read (--shallow)'),
    ];
  }
  const { check, layers } = await readAllLayers(source, platforms, signal, ({ digest }, done, total) =>
    onLayer?.(digest, done, total),
  );
  return [check, ...(await checkContent({ source, hub, signal }, platforms, layers, provenance))];
}

const NEEDS_LAYERS: ReadonlySet<string> = new Set(['layers', 'weights', 'licenses']);

/** What was not checked is a doubt too, unless it was asked to be left out. */
function result(
  reference: string,
  digest: Verification['digest'],
  checks: Check[],
  { shallow, allowUnsigned, catalogNamed }: VerifyContext,
): Verification {
  const excused = ({ check }: Check) =>
    (shallow && NEEDS_LAYERS.has(check)) ||
    (!catalogNamed && check === 'catalog') ||
    (allowUnsigned && (check === 'signature' || check.startsWith('attestation:')));
  const ok = checks.every((each) => each.status === 'passed' || (each.status === 'not-checked' && excused(each)));
  return { reference, digest, ok, checks };
}
