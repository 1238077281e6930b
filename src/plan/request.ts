import type { ResolvedBase } from '../build/base.ts';
import { dockerfileArguments, renderDockerfile } from '../build/buildkit/dockerfile.ts';
import { CANNOT_SPLIT } from '../build/buildkit/layer-sources.ts';
import type { BuildKitSettings } from '../build/buildkit/settings.ts';
import type { BuildRequest } from '../build/types.ts';
import type { Model, Runtime, Settings, Variant } from '../catalog/types.ts';
import type { HubFile, ModelFacts } from '../huggingface/types.ts';
import { sha256Hex } from '../image/hash.ts';
import { ASSEMBLER_FORMAT, type BuildKitInputs, fileIdentity, type ImageInputs, inputsKey } from '../image/inputs.ts';
import { allLegalFiles, legalIdentities } from '../licensing/legal-files.ts';
import { legalScope } from '../licensing/legal-scope.ts';
import type { Decision } from '../policy/types.ts';
import type { Origin } from './origin.ts';

export interface RequestInput {
  runtime: Runtime;
  model: Model;
  settings: Settings;
  context: { entrypointSha256: string; buildkit: BuildKitSettings };
  variant: Variant;
  decision: Decision;
  layerLimit: number;
  origin: Origin;
}

/** What a builder needs to make the image, and its identity. Without `buildkit` the image is assembled. */
export function buildRequest(
  { runtime, model, settings, context, variant, decision, layerLimit, origin }: RequestInput,
  facts: ModelFacts,
  base: ResolvedBase,
  files: HubFile[],
  buildkit: BuildKitInputs | null,
): BuildRequest {
  const gated = facts.gated !== false;
  const { legal, link } = legalScope(
    facts,
    model.id,
    files.map(({ path }) => path),
  );
  const all = allLegalFiles(legal);
  const inputs: ImageInputs = {
    model: model.id,
    revision: facts.revision,
    files: files.map(fileIdentity),
    base: base.platforms,
    runtime: runtime.name,
    engine: runtime.engine,
    variant,
    builder: runtime.builder,
    ...(buildkit === null ? {} : { buildkit }),
    layerLimit,
    short: model.short,
    serveArgs: model.serveArgs,
    oci: model.oci,
    downloadRoot: settings.downloadRoot,
    hfCacheDir: settings.hfCacheDir,
    legal: legalIdentities(legal, gated),
    license: {
      declared: decision.license.declared,
      spdx: decision.license.spdx,
      class: decision.license.class,
      link,
    },
    entrypoint: context.entrypointSha256,
    format: ASSEMBLER_FORMAT,
    codes: [...new Set(decision.reasons.map(({ code }) => code))].sort(),
  };
  return {
    key: inputsKey(inputs),
    inputs,
    hubId: facts.id,
    files,
    legal: gated ? [] : all,
    unreadable: gated ? all.map(({ path }) => path) : [],
    lastModified: facts.lastModified,
    base: {
      reference: base.reference,
      digest: base.digest,
      ...(origin.kind === 'built' ? { own: true } : {}),
    },
    smoke: runtime.smoke,
  };
}

export const NOTHING_ADDED = { inputs: null, problems: [] };

/**
 * What the BuildKit builder adds to the inputs; null for assembled images.
 *
 * @param splits whether files of the image have to be split
 * @returns `problems`, for people, when it cannot make this image
 */
export function buildKitInputs(
  { runtime, model, settings, context, variant, layerLimit }: RequestInput,
  facts: ModelFacts,
  base: ResolvedBase,
  files: HubFile[],
  splits: boolean,
): { inputs: BuildKitInputs | null; problems: string[] } {
  if (runtime.builder !== 'buildkit') return NOTHING_ADDED;
  if (splits) return { inputs: null, problems: [CANNOT_SPLIT] };
  const { short, serveArgs } = model;
  const { downloadRoot, hfCacheDir } = settings;
  const common = { variant, downloadRoot, short };
  const at = { id: facts.id, revision: facts.revision };
  const { dockerfiles, endpoint } = context.buildkit;
  const input = { ...common, serveArgs, layerLimit, files, model: at, baseLayers: base.layers };
  const rendered = renderDockerfile(input, dockerfiles[variant]);
  if (!rendered.ok) return { inputs: null, problems: [rendered.message] };
  const given = dockerfileArguments({ ...common, hfCacheDir }, endpoint);
  return { inputs: { dockerfile: sha256Hex(rendered.text), arguments: given }, problems: [] };
}
