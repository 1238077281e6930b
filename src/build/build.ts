import { type AssembleContext, assemble } from './assemble.ts';
import { type BuildKitContext, buildWithBuildKit } from './buildkit/build.ts';
import type { BuildRequest, BuiltImage } from './types.ts';

export interface BuildContext extends AssembleContext {
  /** What only the BuildKit builder needs. */
  buildkit: BuildKitContext;
}

/**
 * Makes one image for all its platforms and pushes it by digest to every target; no tag is written. Running it again after any failure
 * is harmless.
 *
 * @throws PublisherError naming the cause
 */
export type Builder = (request: BuildRequest, context: BuildContext) => Promise<BuiltImage>;

const BUILDERS: Record<BuildRequest['inputs']['builder'], Builder> = {
  assemble,
  buildkit: buildWithBuildKit,
};

/** The builder that the request's inputs name. */
export const buildImage: Builder = (request, context) => BUILDERS[request.inputs.builder](request, context);
