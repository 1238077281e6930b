import { baseDigestOf } from '../build/runtimes/base-lock.ts';
import { recipeTag, runtimeKey } from '../build/runtimes/identity.ts';
import type { RuntimeRecipe } from '../build/runtimes/recipe.ts';
import type { RuntimeRequest } from '../build/runtimes/types.ts';
import type { Engine, Runtime, Settings } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import { baseVersion } from '../publish/tags.ts';
import type { BaseAnswer } from './bases.ts';
import { type DestinationContext, type Destinations, runtimeRepository } from './destinations.ts';

/** What the images of a runtime stand on: somebody's image, one that is built by us, or nothing, with the reason. */
export type Origin =
  | { kind: 'image'; reference: string }
  | { kind: 'built'; reference: string; request: RuntimeRequest }
  | { kind: 'none'; reference: string; error: PublisherError };

/** Resolves the base of a runtime under the model's pins; `own` is one that is built by us. */
export type AskBase = (reference: string, runtime: Runtime, own: boolean) => Promise<BaseAnswer>;

/** Build arguments that say which engine is inside. */
const VERSION_ARGUMENT: Record<Engine, string> = {
  vllm: 'VLLM_VERSION',
  sglang: 'SGLANG_VERSION',
  llamacpp: 'LLAMA_SERVER_VERSION',
};

/**
 * Where the base of a runtime is. One that is built lies beside the model, in the first registry it publishes to, under the tag of its
 * recipe; so that whatever changes the recipe asks for another image.
 */
export function originOf(
  runtime: Runtime,
  places: Destinations,
  settings: Pick<Settings, 'project'>,
  { recipe, ...context }: DestinationContext & { recipe: RuntimeRecipe },
): Origin {
  const { name, image, build, platforms } = runtime;
  if (image !== null) return { kind: 'image', reference: image };
  const none = (error: PublisherError): Origin => ({ kind: 'none', reference: '', error });
  if (build === null) {
    const message = `Runtime \`${name}\` has no image: its \`build\` takes effect once it is on the default branch.`;
    return none(new PublisherError('denied', message));
  }
  if (recipe.dockerfile === null) {
    const message = `Runtime \`${name}\` is built from docker/runtimes/Dockerfile, which this installation lacks: install it whole, or name an \`image\`.`;
    return none(new PublisherError('environment', message));
  }
  const place = runtimeRepository(places, settings.project, context);
  if (!place.ok) {
    const message = `Runtime \`${name}\` cannot be looked up: ${place.why}`;
    return none(new PublisherError('denied', message, { retryable: place.unknown }));
  }
  const baseDigest = baseDigestOf(build, recipe.pins);
  const key = runtimeKey({ build, platforms, dockerfile: recipe.dockerfile, baseDigest });
  return {
    kind: 'built',
    reference: `${place.repository}:${recipeTag(name, key)}`,
    request: { runtime, key, repository: place.repository, tags: [] },
  };
}

/** @throws PublisherError `cancelled` */
export async function askOrigin(origin: Origin, runtime: Runtime, askBase: AskBase): Promise<BaseAnswer> {
  if (origin.kind === 'none') return { ok: false, error: origin.error };
  return askBase(origin.reference, runtime, origin.kind === 'built');
}

/**
 * Whether an image of ours is not there yet. A registry that asks for other credentials says no more than that: many answer so for
 * repositories that do not exist.
 */
export function isMissing(origin: Origin | null, answer: BaseAnswer | null): boolean {
  if (origin?.kind !== 'built' || answer === null || answer.ok) return false;
  return answer.error.code === 'registry-not-found' || answer.error.code === 'registry-denied';
}

/** `{base_version}`: of an image its tag; of one of ours what the catalog says or what is inside, never the recipe. */
export function versionOf(runtime: Runtime, label: string | null): string | null {
  const { image, build, engine, baseVersion: explicit } = runtime;
  if (image !== null) return baseVersion(image, explicit, label);
  return explicit ?? build?.args[VERSION_ARGUMENT[engine]] ?? label;
}

/** Why a base is not resolved, for people. */
export function baseWarnings({ name }: Runtime, origin: Origin, answer: BaseAnswer | null): string[] {
  if (answer === null || answer.ok) return [];
  if (!isMissing(origin, answer)) return [`The base image is not resolved: ${answer.error.message}`];
  return [
    `Runtime \`${name}\` is not at ${origin.reference} yet and is built first: by the bot, or with \`runtime publish ${name}\`.`,
  ];
}
