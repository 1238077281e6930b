import { PublisherError } from '../../errors.ts';
import { compareTree } from '../../registry/copy/compare.ts';
import { type CopiedBytes, copyTree } from '../../registry/copy/copy-image.ts';
import { imageTree } from '../../registry/copy/tree.ts';
import { moveTags } from '../move-tags.ts';
import { tagSteps } from '../tag-steps.ts';
import type { PublishContext, TagStep } from '../types.ts';
import { checkOwner, claimMirror, markMirror, type OwnerContext } from './owner.ts';
import type { Throttle } from './throttle.ts';
import type { MirrorRequest, MirrorResult } from './types.ts';

export interface MirrorContext
  extends OwnerContext,
    Pick<PublishContext, 'open' | 'guard' | 'wrote' | 'recalls' | 'moved'> {
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
 * @throws PublisherError `refused` where the repository belongs to another catalog than the source, or holds what nobody copied there; `registry-invalid` for a copy that
 *   does not verify; the registry codes, `cancelled`
 */
export async function mirrorImage(request: MirrorRequest, context: MirrorContext): Promise<MirrorResult> {
  const { digest, near } = request;
  const { signal, throttle, onBytes } = context;
  const [from, to] = [context.open(request.source), context.open(request.target)];
  const owner = await checkOwner(from, to, context);
  if (!context.check) await claimMirror(from, to, owner, context);
  const tags = request.tags.map((tag) => ({ ...tag, template: tag.tag }));
  const steps = await tagSteps(to, tags, request, context);
  const tree = await imageTree(from, digest, { everything: true, signal });
  const lacking = await compareTree(to, tree, signal);
  const differed = [...lacking, ...(owner.unmarked === null ? [] : [owner.unmarked]), ...steps.flatMap(describe)];
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
  await markMirror(to, owner, context);
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
