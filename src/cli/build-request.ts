import type { BuildRequest } from '../build/types.ts';
import { PublisherError } from '../errors.ts';
import type { PlannedTarget } from '../plan/types.ts';

/**
 * What a builder needs of a target that is to be built.
 *
 * @throws PublisherError `registry-not-found` where its runtime image has to be built first, `registry-unavailable` where its base was not
 *   resolved
 */
export function requestOf({ request, awaits, base, warnings, model, variant }: PlannedTarget): BuildRequest {
  if (request !== null) return request;
  if (awaits !== null) {
    const { name } = awaits.runtime;
    throw new PublisherError(
      'registry-not-found',
      `${model.short} ${variant} stands on ${base.reference}, which is not there: build it with \`runtime publish ${name}\`, or log in if it is.`,
    );
  }
  throw new PublisherError('registry-unavailable', `${model.short} ${variant} cannot be built. ${warnings.join(' ')}`);
}
