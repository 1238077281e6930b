import { PublisherError } from '../../errors.ts';
import { compareTree } from '../../registry/copy/compare.ts';
import { type CopiedBytes, copyTree } from '../../registry/copy/copy-image.ts';
import { imageTree } from '../../registry/copy/tree.ts';
import type { PublishTarget } from '../../registry/types.ts';
import { moveTags } from '../move-tags.ts';
import { OWNER_TAG } from '../ownership.ts';
import { tagSteps } from '../tag-steps.ts';
import type { PublishContext, TagStep } from '../types.ts';
import type { Throttle } from './throttle.ts';
import type { MirrorRequest, MirrorResult } from './types.ts';

export interface MirrorContext
  extends Pick<PublishContext, 'open' | 'guard' | 'wrote' | 'recalls' | 'moved' | 'force' | 'signal'> {
  throttle: Throttle;
  /** Only looks: writes nothing anywhere. */
  check: boolean;
  onBytes?: (bytes: number) => void;
}

const NOTHING_MOVED: CopiedBytes = { moved: 0, reused: 0 };

/**
 * Makes a mirror's repository have an image as the source has it: all manifests and blobs, what refers to them, cosign's tags; then, once
 * all that was read back and compared, the image's own tags.
 *
 *     compare ─ nothing differs ─▶ same
 *        └─▶ copy what is missing ─▶ compare again ─▶ tags ─▶ copied
 *                                         │            └─ one is immutable or somebody else's ─▶ differs: it stays where it is
 *                                         └─ still lacks something ─▶ error, no tag moved
 *
 * @throws PublisherError `refused` where the repository belongs to another catalog than the source; `registry-invalid` for a copy that
 *   does not verify; the registry codes, `cancelled`
 */
export async function mirrorImage(request: MirrorRequest, context: MirrorContext): Promise<MirrorResult> {
  const { digest, near } = request;
  const { signal, throttle, onBytes } = context;
  const [from, to] = [context.open(request.source), context.open(request.target)];
  const unmarked = await checkOwner(from, to, context);
  const tags = request.tags.map((tag) => ({ ...tag, template: tag.tag }));
  const steps = await tagSteps(to, tags, request, context);
  const tree = await imageTree(from, digest, { everything: true, signal });
  const lacking = await compareTree(to, tree, signal);
  const differed = [...lacking, ...unmarked, ...steps.flatMap(describe)];
  const result = (state: MirrorResult['state'], bytes = NOTHING_MOVED): MirrorResult => ({
    source: request.source,
    target: request.target,
    digest,
    tags: request.tags.map(({ tag }) => tag),
    state,
    differed,
    bytes,
  });
  if (differed.length === 0) return result('same');
  if (context.check) return result('differs');

  let bytes = NOTHING_MOVED;
  if (lacking.length > 0) {
    bytes = await copyTree(from, to, tree, { signal, throttle, near, ...(onBytes === undefined ? {} : { onBytes }) });
    const still = await compareTree(to, tree, signal);
    if (still.length > 0) throw unverified(request, still);
  }
  if (unmarked.length > 0) await to.tag(OWNER_TAG, await copyMarker(from, to, signal), { signal });
  const ready = steps.map((step) => ({ step, digest, target: to }));
  await moveTags(ready, context);
  const written = steps.filter(({ action }) => action === 'create' || action === 'move');
  for (const { tag } of written) {
    const found = (await to.head(tag, { signal }))?.digest;
    if (found !== digest)
      throw unverified(request, [`tag ${tag} is ${found === undefined ? 'missing' : `at ${found}`}`]);
  }
  return result(steps.some(({ action }) => action === 'conflict') ? 'differs' : 'copied', bytes);
}

/** Owner's markers are the same bytes for the same catalog. What the mirror lacks of it, as a difference. */
async function checkOwner(
  from: PublishTarget,
  to: PublishTarget,
  { force, signal }: Pick<MirrorContext, 'force' | 'signal'>,
): Promise<string[]> {
  const [ours, theirs] = await Promise.all([from.head(OWNER_TAG, { signal }), to.head(OWNER_TAG, { signal })]);
  if (ours === null || ours.digest === theirs?.digest) return [];
  if (theirs === null || force) return [`tag ${OWNER_TAG} is ${theirs === null ? 'missing' : 'another catalog’s'}`];
  throw new PublisherError(
    'refused',
    `${to.name} belongs to another catalog than ${from.name}: take it over with \`mirror --force\`, or name another mirror.`,
  );
}

async function copyMarker(from: PublishTarget, to: PublishTarget, signal: AbortSignal) {
  const marker = await from.manifest(OWNER_TAG, { signal });
  await copyTree(from, to, await imageTree(from, marker.digest, { everything: false, signal }), { signal });
  return marker;
}

function describe(step: TagStep): string[] {
  if (step.action === 'keep') return [];
  if (step.action === 'create') return [`tag ${step.tag} is missing`];
  const where = `tag ${step.tag} is at ${step.before}`;
  return [step.action === 'conflict' ? `${where} and stays there: ${step.why}` : where];
}

function unverified({ source, target, digest }: MirrorRequest, differences: readonly string[]): PublisherError {
  const [first = '', ...others] = differences;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return new PublisherError(
    'registry-invalid',
    `${target} does not have ${digest} as ${source} has it after it was copied: ${first}${more}`,
    { retryable: true },
  );
}
