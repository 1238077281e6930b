import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type BakeOptions,
  bakeDefinition,
  type RuntimeOutput,
  referencesOf,
  tagsOf,
} from '../../build/runtimes/bake.ts';
import { baseDigestOf, baseImageOf, unpinnedBases } from '../../build/runtimes/base-lock.ts';
import { buildAll, type RuntimeOutcome } from '../../build/runtimes/build-all.ts';
import { type RuntimeDestinations, runtimeDestinations } from '../../build/runtimes/destinations.ts';
import { isReservedTag, runtimeKey, runtimeTags } from '../../build/runtimes/identity.ts';
import { bakeSettings, installedBuildx } from '../../build/runtimes/installed.ts';
import type { RuntimeRecipe } from '../../build/runtimes/recipe.ts';
import { type BuildableRuntime, selectRuntimes, withArguments } from '../../build/runtimes/select.ts';
import type { RuntimeRequest } from '../../build/runtimes/types.ts';
import { type ExitCode, PublisherError } from '../../errors.ts';
import { isTag, parseReference } from '../../registry/reference.ts';
import type { Digest } from '../../registry/types.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { type Planning, prepareServices, suffixOf, usable } from '../plan-context.ts';
import { runtimeCatalog } from '../runtime-catalog.ts';

/** `{runtimes:[{name,platforms,reference,references,digest,tags,error?}], unpinned:[…]}`; `reference` and `digest` are null where nothing is kept. */
export const runtime: Command = {
  name: 'runtime',
  summary: 'build runtime images that models stand on, or publish them',
  positionals: ['build|publish', '[NAME…]'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    tag: { type: 'string', placeholder: 'TAG', description: 'publish as TAG, TAG-cuda, … too' },
    latest: { type: 'boolean', description: 'publish as latest, latest-cuda, … too' },
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    set: {
      type: 'string',
      multiple: true,
      placeholder: 'ARG=VALUE',
      description: 'another value of a build argument that a runtime declares; may be repeated',
    },
    to: { type: 'string', placeholder: 'oci:DIR', description: 'keep what is built as OCI layouts DIR/<name>' },
    print: { type: 'boolean', description: 'show the bake definition and build nothing' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details:
    'Without NAME: all runtimes that are built here. BUILDX_BUILDER chooses the builder, SBOM_GENERATOR the image that lists contents.\n' +
    'Exit codes: 1 when a runtime cannot be built or may not be published, 3 when a registry failed.',
  async run(context) {
    const options = readOptions(context);
    const planning = await prepareServices(context, usable(await runtimeCatalog(context), 'the catalog'));
    const { services, catalog, owner } = planning;
    const experimental = context.arguments.given('experimental') || catalog.settings.experimental;
    const selected = selectRuntimes(catalog.runtimes, options.names, experimental);
    const runtimes = withArguments(selected, context.arguments.list('set'));
    const places = destinationsOf(planning, options);
    const { recipe } = services;
    for (const { build } of runtimes) services.source(parseReference(baseImageOf(build)), owner);
    const requests = runtimes.map((one) => requestOf(one, places, recipe, options));
    const bake: BakeOptions = {
      ...bakeSettings(services, context.variables),
      output: options.output,
    };
    if (options.print) {
      const definition = bakeDefinition(requests, bake);
      context.output.result(definition, [JSON.stringify(definition, null, 2)]);
      return 0;
    }
    for (const note of places.notes) context.output.say(note);
    const unpinned = unpinnedBases(
      runtimes.map(({ build }) => build),
      recipe.pins,
    );
    for (const base of unpinned) context.output.say(`base ${base} is not pinned (npm run pin)`);
    const outcomes = await buildThem(requests, bake, planning, context);
    const shown = outcomes.map((outcome) => show(outcome, options.output));
    for (const { name, error } of shown) {
      if (error !== undefined) context.output.say(`${name} failed (${error.code}): ${error.message}`);
    }
    context.output.result({ runtimes: shown, unpinned }, shown.map(describe));
    return exitOf(outcomes);
  },
};

interface Options {
  names: string[];
  output: RuntimeOutput;
  tag: string | undefined;
  latest: boolean;
  print: boolean;
}

function readOptions({ arguments: given }: CommandContext): Options {
  const [what, ...names] = given.positionals;
  if (what !== 'build' && what !== 'publish') {
    throw new PublisherError('usage', `\`runtime\` is followed by build or publish, not "${what ?? ''}".`);
  }
  const tag = given.text('tag');
  const latest = given.given('latest');
  const to = given.text('to');
  if (what === 'build' && (tag !== undefined || latest)) {
    throw new PublisherError('usage', '--tag and --latest name what is published: use `runtime publish`.');
  }
  if (tag !== undefined && !isTag(tag)) throw new PublisherError('usage', `--tag "${tag}" is not a tag.`);
  if (tag !== undefined && isReservedTag(tag)) {
    throw new PublisherError('usage', `--tag "${tag}" looks like the tag of a recipe or a cache: choose another.`);
  }
  if (to !== undefined && (what === 'publish' || !/^oci:[^,"]+$/.test(to))) {
    throw new PublisherError(
      'usage',
      '--to is `oci:DIR`, DIR without commas and quotes, and goes with `runtime build`.',
    );
  }
  const kept: RuntimeOutput = to === undefined ? { kind: 'none' } : { kind: 'oci', folder: resolve(to.slice(4)) };
  return { names, output: what === 'publish' ? { kind: 'push' } : kept, tag, latest, print: given.given('print') };
}

/** Nothing that is not pushed needs an owner or anybody's permission. */
function destinationsOf({ services, catalog, owner, git }: Planning, { output }: Options): RuntimeDestinations {
  if (output.kind !== 'push') return { repositories: [`localhost/${catalog.settings.project}`], notes: [] };
  const context = { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow };
  return runtimeDestinations(catalog.settings, context);
}

function requestOf(
  one: BuildableRuntime,
  { repositories: [repository, ...alsoTo] }: RuntimeDestinations,
  { dockerfile, pins }: RuntimeRecipe,
  { tag, latest }: Options,
): RuntimeRequest {
  const { name, build, platforms } = one;
  if (dockerfile === null) {
    throw new PublisherError('environment', 'This installation lacks docker/runtimes/Dockerfile: install it whole.');
  }
  const key = runtimeKey({ build, platforms, dockerfile, baseDigest: baseDigestOf(build, pins) });
  const named = tag ?? (latest ? 'latest' : null);
  const tags = named === null ? [] : runtimeTags(name, named, latest);
  const long = tags.find((each) => !isTag(each));
  if (long !== undefined)
    throw new PublisherError('usage', `"${long}" is not a tag: with its suffix --tag is too long.`);
  return { runtime: one, key, repository, alsoTo, tags };
}

async function buildThem(
  requests: RuntimeRequest[],
  { output: kind }: BakeOptions,
  { services, owner }: Planning,
  { variables, output, signal }: CommandContext,
): Promise<RuntimeOutcome<Digest | null>[]> {
  const buildx = await installedBuildx(services, owner, variables);
  if (kind.kind === 'oci') await mkdir(kind.folder, { recursive: true });
  return buildAll(
    requests,
    async (request, stop) => {
      output.say(`${request.runtime.name}: building for ${request.runtime.platforms.join(', ')}`);
      if (kind.kind !== 'push') return buildx.make(request, kind, stop);
      return (await buildx.build(request, stop)).digest;
    },
    signal,
  );
}

interface ShownRuntime {
  name: string;
  platforms: string[];
  reference: string | null;
  references: string[];
  digest: Digest | null;
  tags: string[];
  error?: { code: string; message: string };
}

function show(outcome: RuntimeOutcome<Digest | null>, output: RuntimeOutput): ShownRuntime {
  const { name, platforms } = outcome.request.runtime;
  if ('error' in outcome) {
    const { code, message } = outcome.error;
    return { name, platforms, reference: null, references: [], digest: null, tags: [], error: { code, message } };
  }
  const pushed = output.kind === 'push';
  const kept = output.kind === 'oci' ? [`oci:${output.folder}/${name}`] : [];
  const references = pushed ? referencesOf(outcome.request) : kept;
  const tags = pushed ? tagsOf(outcome.request) : [];
  return { name, platforms, reference: references[0] ?? null, references, digest: outcome.built, tags };
}

function describe({ name, references, digest, error }: ShownRuntime): string {
  if (error !== undefined) return `${name}: failed (${error.code})`;
  if (digest === null) return `${name}: can be built`;
  return [`${name}: ${digest}`, ...references.map((reference) => `  ${reference}`)].join('\n');
}

function exitOf(outcomes: RuntimeOutcome<unknown>[]): ExitCode {
  return outcomes.reduce<ExitCode>((worst, outcome) => {
    const own = 'error' in outcome ? outcome.error.exitCode : 0;
    return own > worst ? own : worst;
  }, 0);
}
