import type { BuildKitSettings } from '../build/buildkit/settings.ts';
import { chooseFiles } from '../build/engines/index.ts';
import type { RuntimeRecipe } from '../build/runtimes/recipe.ts';
import type { Model, Runtime, Settings, Variant } from '../catalog/types.ts';
import type { FactsResult, HubFile, ModelFacts } from '../huggingface/types.ts';
import { modelFolder } from '../image/entrypoint-files.ts';
import type { Resharding } from '../image/safetensors/reshard.ts';
import { legalFilesProblem } from '../licensing/legal-files.ts';
import { legalScope } from '../licensing/legal-scope.ts';
import { denies } from '../policy/reason.ts';
import type { Decision, FileChoice } from '../policy/types.ts';
import type { BaseAnswer } from './bases.ts';
import { type AskReshard, decideModel } from './decide-model.ts';
import { type DestinationContext, type Destinations, destinations } from './destinations.ts';
import { effectiveLayerLimit } from './layer-limit.ts';
import { denyFat, shardCounts, withLayerRule } from './layer-rule.ts';
import { modelWarnings } from './model-warnings.ts';
import { type AskBase, askOrigin, baseWarnings, isMissing, type Origin, originOf, versionOf } from './origin.ts';
import { buildKitInputs, buildRequest, NOTHING_ADDED } from './request.ts';
import type { PlannedTarget } from './types.ts';

export interface TargetContext extends DestinationContext {
  /** Hex sha256 of the entrypoint script. */
  entrypointSha256: string;
  /** For runtimes whose images BuildKit makes. */
  buildkit: BuildKitSettings;
  /** What runtime images are made from. */
  recipe: RuntimeRecipe;
  /** The operator's ceiling for one image (MAX_IMAGE_BYTES); null on the command line, which trusts whoever runs it. */
  maxImageBytes: number | null;
}

/** A target before its tags, which depend on the model's other targets. */
export type UntaggedTarget = PlannedTarget & { version: string | null };

export const VARIANTS: Variant[] = ['slim', 'fat'];

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
  const origin = originOf(runtime, places, settings, context);
  const answer = anything ? await askOrigin(origin, runtime, ask.base) : null;
  const common = { runtime, model, found, choice, settings, context, places, layerLimit, folder, resharding, origin };
  const version = versionOf(runtime, answer?.ok === true ? answer.base.version : null);
  return VARIANTS.map((variant) => ({ ...planTarget({ ...common, variant, decision, answer }), version }));
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
  origin: Origin;
  /** null when nothing is to be built, so the base was not asked for. */
  answer: BaseAnswer | null;
}

function planTarget(input: TargetInput): PlannedTarget {
  const { runtime, model, found, choice, variant, answer, places, origin } = input;
  const decision = withCeiling(layersOf(input), input);
  const base = answer?.ok === true ? answer.base : null;
  const chosen = chosenFiles(found, choice);
  const wanted = decision[variant];
  const splits = variant === 'fat' && wanted === 'build' ? shardCounts(input.resharding) : [];
  const reshard = runtime.builder === 'buildkit' ? [] : splits;
  const requested = { ...input, decision };
  const buildkit =
    wanted === 'build' && found !== null && base !== null
      ? buildKitInputs(requested, found, base, chosen, splits.length > 0)
      : NOTHING_ADDED;
  const problems = wanted === 'build' ? [...places.problems, ...legalProblems(input), ...buildkit.problems] : [];
  const missing = isMissing(origin, answer);
  const request =
    wanted === 'build' && problems.length === 0 && found !== null && base !== null
      ? buildRequest(requested, found, base, chosen, buildkit.inputs)
      : null;
  return {
    model: { id: model.id, short: model.short },
    runtime: runtime.name,
    engine: runtime.engine,
    variant,
    platforms: runtime.platforms,
    action:
      problems.length > 0 || (answer?.ok === false && !answer.error.retryable && !missing)
        ? failUnlessSkipped(wanted)
        : wanted,
    reasons: decision.reasons,
    warnings: [
      ...problems,
      ...places.notes,
      ...reshard.map(
        ({ path, parts }) =>
          `${path} is split into ${parts} shards, because a layer holds ${input.layerLimit} bytes at most.`,
      ),
      ...modelWarnings(model, runtime.engine, found),
      ...(wanted === 'build' ? baseWarnings(runtime, origin, answer) : []),
    ],
    revision: found?.revision ?? null,
    license: decision.license,
    ...lineageOf(found),
    gated: decision.gated,
    bytes: choice?.bytes ?? null,
    inputs: request?.key ?? null,
    base: { reference: origin.reference, digest: base?.digest ?? null },
    files: chosen.map(({ path, size, sha256, oid }) => ({ path, size, sha256, oid })),
    reshard,
    repository: places.repositories[0] ?? null,
    repositories: places.repositories,
    tags: [],
    request,
    awaits: missing && wanted === 'build' && problems.length === 0 && origin.kind === 'built' ? origin.request : null,
  };
}

function lineageOf(found: ModelFacts | null): Pick<PlannedTarget, 'lineage'> {
  const lineage = (found?.lineage ?? []).map(({ id, answer }) => ({
    id,
    revision: answer.kind === 'read' ? answer.revision : null,
  }));
  return lineage.length === 0 ? {} : { lineage };
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

function chosenFiles(found: ModelFacts | null, choice: FileChoice | null): HubFile[] {
  if (found === null || choice === null) return [];
  const byPath = new Map(found.files.map((file) => [file.path, file]));
  return choice.paths.flatMap((path) => byPath.get(path) ?? []);
}
