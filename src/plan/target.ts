import type { ResolvedBase } from '../build/base.ts';
import { chooseFiles } from '../build/engines/index.ts';
import type { BuildRequest } from '../build/types.ts';
import type { Model, Runtime, Settings, Variant } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import type { FactsResult, HubFile, ModelFacts } from '../huggingface/types.ts';
import { modelFolder } from '../image/entrypoint-files.ts';
import { ASSEMBLER_FORMAT, fileIdentity, type ImageInputs, inputsKey } from '../image/inputs.ts';
import type { Resharding } from '../image/safetensors/reshard.ts';
import { allLegalFiles, legalFilesProblem, legalIdentities } from '../licensing/legal-files.ts';
import { legalScope } from '../licensing/legal-scope.ts';
import { denies } from '../policy/reason.ts';
import type { Decision, FileChoice } from '../policy/types.ts';
import type { BaseAnswer } from './bases.ts';
import { type AskReshard, decideModel } from './decide-model.ts';
import { type DestinationContext, type Destinations, destinations } from './destinations.ts';
import { effectiveLayerLimit } from './layer-limit.ts';
import { denyFat, shardCounts, withLayerRule } from './layer-rule.ts';
import type { PlannedTarget } from './types.ts';

export interface TargetContext extends DestinationContext {
  /** Hex sha256 of the entrypoint script. */
  entrypointSha256: string;
  /** The operator's ceiling for one image (MAX_IMAGE_BYTES); null on the command line, which trusts whoever runs it. */
  maxImageBytes: number | null;
}

/** A target before its tags, which depend on the model's other targets. */
export type UntaggedTarget = PlannedTarget & { explicitVersion: string | null; baseVersionLabel: string | null };

export const VARIANTS: Variant[] = ['slim', 'fat'];

/** Resolves a base by the reference of the catalog, under the model's pins. */
export type AskBase = (reference: string, platforms: string[]) => Promise<BaseAnswer>;

/** Both variants of a model on one runtime. */
export async function planModelOn(
  runtime: Runtime,
  model: Model,
  answered: FactsResult,
  settings: Settings,
  ask: { base: AskBase; reshard: AskReshard },
  context: TargetContext,
): Promise<UntaggedTarget[]> {
  const listed = answered.kind === 'found' ? answered.facts : null;
  const listedChoice = listed === null ? null : chooseFiles(runtime.engine, listed, model.files);
  const places = destinations(model, settings, context);
  const layerLimit = effectiveLayerLimit(settings, places.repositories);
  const folder = modelFolder({ downloadRoot: settings.downloadRoot, short: model.short }).slice(1);
  const input = {
    id: model.id,
    permissive: model.permissive,
    overrideSpdx: model.overrideSpdx,
    gated: model.gated,
    whitelist: settings.whitelist,
    limits: { ...settings.limits, layerMaxBytes: layerLimit },
    unscanned: settings.unscanned,
    engine: runtime.engine,
    facts: answered,
    choice: listedChoice,
  };
  const { facts, decision, resharding } = await decideModel(
    input,
    chosenFiles(listed, listedChoice),
    folder,
    ask.reshard,
  );
  const found = facts.kind === 'found' ? facts.facts : null;
  const choice = found === null ? null : listedChoice;
  const anything = decision.slim === 'build' || decision.fat === 'build';
  const answer = anything ? await baseOf(runtime, ask.base) : null;
  const common = { runtime, model, found, choice, settings, context, places, layerLimit, folder, resharding };
  const version = answer?.ok === true ? answer.base.version : null;
  return VARIANTS.map((variant) => ({
    ...planTarget({ ...common, variant, decision, answer }),
    explicitVersion: runtime.baseVersion,
    baseVersionLabel: version,
  }));
}

interface TargetInput {
  runtime: Runtime;
  model: Model;
  found: ModelFacts | null;
  choice: FileChoice | null;
  settings: Settings;
  context: TargetContext;
  places: Destinations;
  /** Bytes; the strictest of catalog and registries. */
  layerLimit: number;
  /** Folder of the model in the image, relative to the root. */
  folder: string;
  resharding: Resharding;
  variant: Variant;
  decision: Decision;
  /** null when nothing is to be built, so the base was not asked for. */
  answer: BaseAnswer | null;
}

function planTarget(input: TargetInput): PlannedTarget {
  const { runtime, model, found, choice, variant, answer, places } = input;
  const decision = withCeiling(layersOf(input), input);
  const base = answer?.ok === true ? answer.base : null;
  const chosen = chosenFiles(found, choice);
  const wanted = decision[variant];
  const reshard = variant === 'fat' && wanted === 'build' ? shardCounts(input.resharding) : [];
  const problems = wanted === 'build' ? [...places.problems, ...legalProblems(input)] : [];
  const request =
    wanted === 'build' && problems.length === 0 && found !== null && base !== null
      ? buildRequest({ ...input, decision }, found, base, chosen)
      : null;
  return {
    model: { id: model.id, short: model.short },
    runtime: runtime.name,
    engine: runtime.engine,
    variant,
    action:
      problems.length > 0 || (answer?.ok === false && !answer.error.retryable) ? failUnlessSkipped(wanted) : wanted,
    reasons: decision.reasons,
    warnings: [
      ...problems,
      ...places.notes,
      ...reshard.map(
        ({ path, parts }) =>
          `${path} is split into ${parts} shards, because a layer holds ${input.layerLimit} bytes at most.`,
      ),
      ...renamed(model, found),
      ...(found?.chatTemplate ?? []),
      ...(found?.notChecked.map((what) => `Not checked: ${what}.`) ?? []),
      ...(wanted === 'build' && answer?.ok === false
        ? [`The base image is not resolved: ${answer.error.message}`]
        : []),
    ],
    revision: found?.revision ?? null,
    license: decision.license,
    gated: decision.gated,
    bytes: choice?.bytes ?? null,
    inputs: request?.key ?? null,
    base: { reference: runtime.image ?? '', digest: base?.digest ?? null },
    files: chosen.map(({ path, size, sha256, oid }) => ({ path, size, sha256, oid })),
    reshard,
    repository: places.repositories[0] ?? null,
    repositories: places.repositories,
    tags: [],
    request,
  };
}

function legalProblems({ found, model, choice }: TargetInput): string[] {
  if (found === null || found.gated !== false) return [];
  const problem = legalFilesProblem(legalScope(found, model.id, choice?.paths ?? []).legal);
  return problem === null ? [] : [problem];
}

function failUnlessSkipped(action: 'build' | 'skip' | 'fail') {
  return action === 'skip' ? 'skip' : 'fail';
}

/** What only the base's number of layers can tell; nothing where that is unknown. */
function layersOf({ decision, answer, found, choice, folder, layerLimit, resharding }: TargetInput): Decision {
  if (answer?.ok !== true) return decision;
  const files = chosenFiles(found, choice);
  return withLayerRule(decision, resharding, {
    files,
    folder,
    baseLayers: answer.base.layers,
    layerMaxBytes: layerLimit,
  });
}

/** The operator's ceiling, which no catalog can lift. */
function withCeiling(decision: Decision, { choice, context }: TargetInput): Decision {
  const { maxImageBytes } = context;
  if (decision.fat === 'fail' || choice === null || maxImageBytes === null || choice.bytes <= maxImageBytes)
    return decision;
  const message = `The files are ${choice.bytes} bytes, over the operator's ceiling of ${maxImageBytes} for one image (MAX_IMAGE_BYTES).`;
  return denyFat(decision, denies('too-large', message));
}

function buildRequest(
  { runtime, model, settings, context, variant, decision, layerLimit }: TargetInput,
  facts: ModelFacts,
  base: ResolvedBase,
  files: HubFile[],
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
    builder: 'assemble',
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
    base: { reference: base.reference, digest: base.digest },
    smoke: runtime.smoke,
  };
}

function chosenFiles(found: ModelFacts | null, choice: FileChoice | null): HubFile[] {
  if (found === null || choice === null) return [];
  const byPath = new Map(found.files.map((file) => [file.path, file]));
  return choice.paths.flatMap((path) => byPath.get(path) ?? []);
}

async function baseOf(runtime: Runtime, askBase: AskBase): Promise<BaseAnswer> {
  if (runtime.image !== null) return askBase(runtime.image, runtime.platforms);
  const message = `Runtime ${runtime.name} has \`build:\` and no \`image:\`; this version assembles on finished images only: build and push it, then name it as \`image:\`.`;
  return { ok: false, error: new PublisherError('image-invalid', message) };
}

function renamed(model: Model, found: ModelFacts | null): string[] {
  if (found === null || found.id === model.id) return [];
  return [`The Hub has renamed ${model.id} to ${found.id}: change \`id\` in the catalog.`];
}
