import { inLanes } from '../build/lanes.ts';
import { reshard } from '../build/reshard.ts';
import { diffCatalogs } from '../catalog/diff.ts';
import type { Catalog, CatalogDiff, Model, Runtime } from '../catalog/types.ts';
import type { AncestorMemory, FactsResult, Hub } from '../huggingface/types.ts';
import { NOTHING_TO_SPLIT } from '../image/safetensors/reshard.ts';
import type { TagFields } from '../publish/tags.ts';
import type { BaseResolver } from './bases.ts';
import type { AskReshard } from './decide-model.ts';
import type { AskBase } from './origin.ts';
import { removedTargets } from './removed.ts';
import { planModelOn, type TargetContext, type UntaggedTarget } from './target.ts';
import type { Pins, Plan, PlannedTarget } from './types.ts';
import { withTags } from './with-tags.ts';

/**
 * Models asked about at once; the Hub client keeps to the rate limit. A model is a handful of requests one after the other, so until the
 * processor is busy lanes are all that counts: 1,000 models at 100 ms an answer took 111 s in 6 lanes, 45 in 16, 25 in 32, 20 in 48.
 */
const LANES = 32;

export interface PlanOptions {
  catalog: Catalog;
  /** With it only what differs is planned; null means an empty catalog, absent means everything. */
  base?: Catalog | null;
  /** What differs, where the caller knows better than a comparison of `base` and `catalog` would tell. */
  diff?: CatalogDiff;
  /** Only this `short`. */
  only?: string;
  /** Plan experimental runtimes too: of all models, or of those with these `short`s. */
  experimental?: boolean | readonly string[];
  hub: Hub;
  bases: BaseResolver;
  pins?: Pins;
  context: TargetContext;
  /** Of the catalog's commit and branch, for the tags that name them. */
  tagFields?: TagFields;
  /** Stands for fields that only the publication knows, see `withTags`. */
  laterFields?: TagFields;
  signal?: AbortSignal;
  /** Called with what the Hub said of each model. */
  onFacts?: (short: string, facts: FactsResult) => void;
  /** Called as each model is known. */
  onModel?: (done: number, total: number) => void;
}

/**
 * Decides for every model of the catalog, or for every one that differs from `base`, what is to be built: asks the Hub once a
 * model and the registry once a base, then only computes. Never throws for one model's failure: its targets say `fail`.
 */
export async function planCatalog(options: PlanOptions): Promise<Plan> {
  const { catalog, base, only, hub, pins, signal } = options;
  const diff = options.diff ?? (base === undefined ? null : diffCatalogs(base, catalog));
  const touched = diff === null ? null : new Set([...diff.added, ...diff.changed.map(({ short }) => short)]);
  const models = catalog.models.filter(
    ({ short }) => (touched === null || touched.has(short)) && (only === undefined || only === short),
  );
  let done = 0;
  const ancestors: AncestorMemory = new Map();
  const planned = await inLanes(models, LANES, signal, async (model, inner) => {
    const revision = pins?.revisions[model.short] ?? model.revision;
    const facts = await hub.facts(model.id, revision, { signal: inner, ancestors });
    options.onFacts?.(model.short, facts);
    const targets = await planModel(model, facts, options, inner);
    done += 1;
    options.onModel?.(done, models.length);
    return targets;
  });
  const removed = (diff?.removed ?? [])
    .filter((short) => only === undefined || only === short)
    .flatMap((short) => removedTargets(short, base ?? null));
  const leftOut = models.flatMap((model) => leftOutNote(model, options));
  return { targets: [...planned.flat(), ...removed], warnings: leftOut, diff };
}

function isWanted(runtime: Runtime, { short }: Model, { catalog, experimental = false }: PlanOptions): boolean {
  if (!runtime.experimental || catalog.settings.experimental) return true;
  return typeof experimental === 'boolean' ? experimental : experimental.includes(short);
}

function runtimesOf(model: Model, { catalog }: PlanOptions): Runtime[] {
  return model.runtimes.flatMap((name) => catalog.runtimes.find((runtime) => runtime.name === name) ?? []);
}

/** Listing an experimental runtime is no request: nobody should look for its image in vain. */
function leftOutNote(model: Model, options: PlanOptions): string[] {
  const left = runtimesOf(model, options).filter((runtime) => !isWanted(runtime, model, options));
  if (left.length === 0) return [];
  const names = left.map(({ name }) => `\`${name}\``).join(', ');
  return [
    `\`${model.short}\` is left out on ${names}, being experimental: ask with \`--experimental\`, \`/rebuild ${model.short} --experimental\` or \`defaults.experimental: true\`.`,
  ];
}

async function planModel(
  model: Model,
  facts: FactsResult,
  options: PlanOptions,
  signal: AbortSignal,
): Promise<PlannedTarget[]> {
  const { catalog, hub, bases, pins, context } = options;
  const wanted = runtimesOf(model, options).filter((runtime) => isWanted(runtime, model, options));
  const askBase: AskBase = (reference, { platforms }, own) =>
    bases.resolve(reference, { platforms, pin: pins?.bases[model.short]?.[reference] ?? null, own }, signal);
  const ask = { base: askBase, reshard: reshardAsker(facts, hub, signal) };
  const targets: UntaggedTarget[] = [];
  for (const runtime of wanted) {
    targets.push(...(await planModelOn(runtime, model, facts, catalog.settings, ask, context)));
  }
  return withTags(targets, model, catalog.settings, options.tagFields, options.laterFields);
}

/** Reads headers of one model's files, once for all its runtimes that hold the same. */
function reshardAsker(facts: FactsResult, hub: Hub, signal: AbortSignal): AskReshard {
  const answers = new Map<string, ReturnType<AskReshard>>();
  return (request) => {
    if (facts.kind !== 'found') return Promise.resolve(NOTHING_TO_SPLIT);
    const { id, revision } = facts.facts;
    const key = JSON.stringify([request.engine, request.layerMaxBytes, request.files.map(({ path }) => path)]);
    const answer = answers.get(key) ?? reshard(request, hub, { id, revision }, signal);
    answers.set(key, answer);
    return answer;
  };
}
