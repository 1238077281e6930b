import { inLanes } from '../../build/lanes.ts';
import { asPublisherError, type PublisherError } from '../../errors.ts';
import { type MirrorContext, mirrorImage } from './mirror-image.ts';
import type { MirrorRequest, MirrorResult } from './types.ts';

export interface MirrorOutcome extends MirrorResult {
  /** Why it `failed`. */
  error: PublisherError | null;
}

/** Images on their way at once; each has a few lanes for its blobs. */
export const MIRROR_LANES = 4;

/**
 * Mirrors many images, several at once, aliases after the repositories whose blobs they mount. One that fails holds up no other.
 *
 * @param done called as each is finished
 * @throws PublisherError `cancelled` when the signal aborts
 */
export async function mirrorAll(
  requests: readonly MirrorRequest[],
  context: MirrorContext,
  done: (outcome: MirrorOutcome) => Promise<void> = async () => undefined,
): Promise<MirrorOutcome[]> {
  const outcomes = new Map<MirrorRequest, MirrorOutcome>();
  const isAlias = ({ near }: MirrorRequest) => near.length > 0;
  for (const wave of [requests.filter((one) => !isAlias(one)), requests.filter(isAlias)]) {
    await inLanes(wave, MIRROR_LANES, context.signal, async (request, signal) => {
      const outcome = await mirrorOne(request, { ...context, signal });
      outcomes.set(request, outcome);
      await done(outcome);
    });
  }
  return requests.flatMap((request) => outcomes.get(request) ?? []);
}

async function mirrorOne(request: MirrorRequest, context: MirrorContext): Promise<MirrorOutcome> {
  try {
    return { ...(await mirrorImage(request, context)), error: null };
  } catch (thrown) {
    if (context.signal.aborted) throw thrown;
    return failedMirror(request, asPublisherError(thrown));
  }
}

/** What is said of an image that did not get through. */
export function failedMirror({ source, target, digest, tags }: MirrorRequest, error: PublisherError): MirrorOutcome {
  const names = tags.map(({ tag }) => tag);
  const bytes = { moved: 0, reused: 0 };
  return { source, target, digest, tags: names, state: 'failed', differed: [error.message], bytes, error };
}
