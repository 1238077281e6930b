import { PLAIN_RUNTIME } from '../../catalog/builtin-runtimes.ts';
import type { RuntimeBuild } from '../../catalog/types.ts';
import { canonicalJson } from '../../image/canonical-json.ts';
import { sha256Hex } from '../../image/hash.ts';

/** What a runtime image is made from. Two runtimes with the same are one image. */
export interface RuntimeInputs {
  build: RuntimeBuild;
  platforms: string[];
  /** Hex sha256 of `docker/runtimes/Dockerfile`. */
  dockerfile: string;
  /** Digest the base is pinned to in `bases.lock.json`; null where it is not. */
  baseDigest: string | null;
}

/** Hex sha256. Equal keys mean the same recipe, not the same bytes: packages are fetched while it is built. */
export function runtimeKey({ build, platforms, dockerfile, baseDigest }: RuntimeInputs): string {
  return sha256Hex(canonicalJson({ build, platforms: [...platforms].sort(), dockerfile, baseDigest }));
}

/** The tag under which models find the image of this recipe: `b<12 hex>` and the suffix. */
export function recipeTag(name: string, key: string): string {
  return `b${key.slice(0, 12)}${runtimeSuffix(name)}`;
}

/** `-cuda`, `-vllm-cuda`, …; empty for llama.cpp on the CPU. */
export function runtimeSuffix(name: string): string {
  return name === PLAIN_RUNTIME ? '' : `-${name}`;
}

/** Whether a released tag would be taken for a recipe's, by which models find their base, or for a build cache. */
export function isReservedTag(tag: string): boolean {
  return /^b[0-9a-f]{12}(-|$)/.test(tag) || /^cache(-|$)/.test(tag);
}

/** Tags of a released runtime: `{tag}<suffix>` and, when asked for, `latest<suffix>`. */
export function runtimeTags(name: string, tag: string, latest: boolean): string[] {
  const suffix = runtimeSuffix(name);
  return [...new Set([`${tag}${suffix}`, ...(latest ? [`latest${suffix}`] : [])])];
}
