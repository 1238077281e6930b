import type { Catalog } from '../catalog/types.ts';
import { readEnvironment } from '../environment.ts';
import { PublisherError } from '../errors.ts';
import type { FactsResult } from '../huggingface/types.ts';
import { BaseResolver } from '../plan/bases.ts';
import { planCatalog } from '../plan/plan.ts';
import type { Plan, PlannedTarget } from '../plan/types.ts';
import { namespaceSuffix } from '../publish/namespace-suffix.ts';
import { timeFields } from '../publish/tag-fields.ts';
import { repositoryFor, type TagFields } from '../publish/tags.ts';
import { parseReference } from '../registry/reference.ts';
import { createServices, openBase, type Services } from '../services.ts';
import type { CommandContext } from './command.ts';
import { formatDuration } from './duration.ts';
import { type GitFacts, gitFacts } from './git-facts.ts';
import { loadCatalog } from './load-catalog.ts';
import { cliLogger } from './logger.ts';
import { ownerOf } from './owner.ts';

export interface Planning {
  services: Services;
  catalog: Catalog;
  owner: string | null;
  /** Of the folder that the catalog lies in; null where nothing in the catalog asks for them. */
  git: GitFacts | null;
}

/**
 * Catalog and clients for a command that plans.
 * @throws PublisherError `catalog-invalid` with every problem on a line; `environment`
 */
export async function preparePlanning(context: CommandContext): Promise<Planning> {
  const path = context.arguments.text('catalog') ?? 'models.yaml';
  return prepareServices(context, usable(await loadCatalog(path), path));
}

/** Clients that reach whatever the catalog names: whoever runs the command line trusts its own catalog. */
export async function prepareServices(context: CommandContext, catalog: Catalog): Promise<Planning> {
  const environment = readEnvironment(context.variables, 'command');
  const logger = cliLogger(context.output, context.arguments.given('verbose'));
  const owner = await ownerOf(context);
  const trustedRegistries = registriesOf(catalog, owner);
  return {
    catalog,
    owner,
    git: asksGit(catalog) ? await gitFacts(context.arguments.text('catalog') ?? 'models.yaml', context) : null,
    services: await createServices({
      environment,
      logger,
      as: 'command',
      secrets: context.secrets,
      trustedRegistries,
      onHubWait: (ms) => context.output.say(`waiting ${formatDuration(ms)} for the Hub's rate limit`),
    }),
  };
}

export function usable(result: Awaited<ReturnType<typeof loadCatalog>>, path: string): Catalog {
  if (result.valid) return result.catalog;
  const lines = result.problems.map(({ line, column, message }) => `  ${path}:${line}:${column}: ${message}`);
  throw new PublisherError('catalog-invalid', `${path} is not valid:\n${lines.join('\n')}`);
}

/** git is asked only for what the catalog uses: it costs a process or five. */
function asksGit({ settings }: Catalog): boolean {
  return (
    Object.values(settings.registries).some((prefix) => prefix.includes('{namespace_suffix}')) ||
    settings.tags.some(({ template }) => /\{(?:branch|date|time)\}/.test(template))
  );
}

/** What the branch appends to namespaces. */
export function suffixOf(git: GitFacts | null): string {
  return git === null ? '' : namespaceSuffix(git.branch, git.defaultBranch);
}

/** Fields of the catalog's branch and commit. */
export function gitFields(git: GitFacts | null): TagFields {
  if (git === null) return {};
  return { branch: git.branch, ...(git.committedAt === null ? {} : timeFields(git.committedAt)) };
}

/** Hosts of every base and registry of a catalog: whoever runs the command line named them. */
function registriesOf(catalog: Catalog, owner: string | null): string[] {
  const prefixes = Object.values(catalog.settings.registries).map((prefix) =>
    repositoryFor(prefix, 'x', { owner: owner ?? 'owner' }),
  );
  const images = catalog.runtimes.flatMap(({ image }) => image ?? []);
  return [...new Set([...prefixes, ...images].flatMap((text) => hostOf(text)))];
}

function hostOf(text: string): string[] {
  try {
    return [parseReference(text).registry];
  } catch {
    return [];
  }
}

/** A plan is worth having without its base digests: a registry out of reach must not hold it up. */
export const PLAN_BASE_PATIENCE_MS = 10_000;

export interface PlanFilter {
  base?: Catalog;
  only?: string;
  experimental?: boolean;
  /** Called as each model is known. */
  onModel?: (done: number, total: number) => void;
  /** Milliseconds after which a base image counts as not resolved; left out, as long as its registry may take. */
  basePatienceMs?: number;
  /** Called with what the Hub said of each model. */
  onFacts?: (short: string, facts: FactsResult) => void;
}

/** Plans on the command line: nothing is pinned beforehand, allow-lists hold only where set. */
export function planFor(
  { services, catalog, owner, git }: Planning,
  { basePatienceMs, ...filter }: PlanFilter,
  context: CommandContext,
): Promise<Plan> {
  const { only, base } = filter;
  if (only !== undefined && ![catalog, base].some((side) => side?.models.some(({ short }) => short === only))) {
    const known = catalog.models
      .map(({ short }) => short)
      .slice(0, 20)
      .join(', ');
    throw new PublisherError('usage', `The catalog has no model \`${only}\`; it has ${known || 'none'}.`);
  }
  return planCatalog({
    catalog,
    ...filter,
    hub: services.hub(owner, { patient: true }),
    bases: new BaseResolver(openBase(services, owner), basePatienceMs),
    context: {
      owner,
      namespaceSuffix: suffixOf(git),
      publishAllow: services.publishAllow,
      entrypointSha256: services.entrypoint.sha256,
      buildkit: services.buildkit,
      recipe: services.recipe,
      maxImageBytes: null,
    },
    tagFields: gitFields(git),
    signal: context.signal,
  });
}

/** A target as `plan --json` shows it: without what only a builder needs. */
export function shownTarget({
  request,
  awaits,
  version,
  ...target
}: PlannedTarget): Omit<PlannedTarget, 'request' | 'awaits' | 'version'> {
  return target;
}
