import type { Digest, PublishTarget } from '../registry/types.ts';
import { originAt } from './ours.ts';
import type { RenderedTag } from './tags.ts';
import type { PublishContext, TagStep } from './types.ts';

type Context = Pick<PublishContext, 'wrote' | 'recalls' | 'force' | 'signal'>;

/** What has to be done to the tags of one image in one repository. Reads every tag, writes nothing. */
export async function tagSteps(
  target: PublishTarget,
  tags: readonly RenderedTag[],
  image: { digest: Digest; model: string },
  context: Context,
): Promise<TagStep[]> {
  const steps: TagStep[] = [];
  for (const { tag, immutable } of tags) {
    const before = (await target.head(tag, { signal: context.signal }))?.digest ?? null;
    steps.push(await stepOf({ repository: target.name, tag, immutable }, before, target, image, context));
  }
  return steps;
}

async function stepOf(
  what: Pick<TagStep, 'repository' | 'tag' | 'immutable'>,
  before: Digest | null,
  target: PublishTarget,
  { digest, model }: { digest: Digest; model: string },
  { wrote, recalls, force, signal }: Context,
): Promise<TagStep> {
  if (before === null) return { ...what, action: 'create', before };
  if (before === digest) return { ...what, action: 'keep', before };
  if (what.immutable) return { ...what, action: 'conflict', before, why: 'it is immutable and names another image' };
  if (force || (await wrote(what.repository, what.tag)) === before) return { ...what, action: 'move', before };
  const origin = await originAt(target, before, signal);
  if (origin !== null && origin.model !== model) {
    const why = `it names an image of another model, ${printable(origin.model)}`;
    return { ...what, action: 'conflict', before, why };
  }
  // Anybody who may push can annotate: that counts only where nothing is remembered, as on a fresh machine.
  if (origin !== null && (await recalls(what.repository, what.tag, before)) !== false) {
    return { ...what, action: 'move', before };
  }
  return { ...what, action: 'conflict', before, why: 'it names an image that was not written here' };
}

/** Annotations are anybody's text. */
const printable = (text: string) => text.slice(0, 100).replace(/[^\x20-\x7e]/g, '?');
