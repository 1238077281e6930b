import { isLoopback, parseReference } from '../../registry/reference.ts';
import { type BasePins, baseImageOf, pinnedBase } from './base-lock.ts';
import { recipeTag } from './identity.ts';
import { runtimeLabels } from './labels.ts';
import type { RuntimeRequest } from './types.ts';

/** What becomes of a build: pushed; an OCI layout `<folder>/<name>` on disk; or nothing, to see that it can be built. */
export type RuntimeOutput = { kind: 'push' } | { kind: 'oci'; folder: string } | { kind: 'none' };

export interface BakeOptions {
  /** Folder with `docker/runtimes/Dockerfile` and `licenses/texts`. */
  context: string;
  output: RuntimeOutput;
  pins: BasePins;
  /** Image that lists what is inside, by BuildKit's scanner protocol; null = BuildKit's own. */
  sbomGenerator: string | null;
  /** Network of the steps; null = the builder's own. */
  network: 'host' | null;
}

/** A bake definition in JSON ("Bake file reference" of docker/buildx): one target over a matrix of runtimes. */
export interface BakeDefinition {
  group: { default: { targets: string[] } };
  target: { runtime: Record<string, unknown> };
}

interface MatrixRow {
  name: string;
  target: string;
  args: Record<string, string>;
  platforms: string[];
  tags: string[];
  labels: Record<string, string>;
  attest: string[];
  cache_from: string[];
  cache_to: string[];
  output: string[];
}

const ofRow = (field: keyof MatrixRow) => `$\{row.${field}}`;
const DOCKERFILE = 'docker/runtimes/Dockerfile';

/** All wanted runtimes as one definition; each is a target of its name. What they share is said once, in the target. */
export function bakeDefinition(requests: readonly RuntimeRequest[], options: BakeOptions): BakeDefinition {
  const rows = requests.flatMap((request) => rowOf(request, options) ?? []);
  const { context, network } = options;
  return {
    group: { default: { targets: ['runtime'] } },
    target: {
      runtime: {
        name: ofRow('name'),
        matrix: { row: rows.map(literals) },
        context: asLiteral(context),
        dockerfile: DOCKERFILE,
        target: ofRow('target'),
        args: ofRow('args'),
        platforms: ofRow('platforms'),
        tags: ofRow('tags'),
        labels: ofRow('labels'),
        attest: ofRow('attest'),
        'cache-from': ofRow('cache_from'),
        'cache-to': ofRow('cache_to'),
        output: ofRow('output'),
        ...(network === null ? {} : { network }),
      },
    },
  };
}

/**
 * The network of the steps once more, as a Compose file: buildx before 0.14 reads it only there. Null where nobody asked for one.
 */
export function bakeNetwork(requests: readonly RuntimeRequest[], { network, context }: BakeOptions): object | null {
  if (network === null) return null;
  const service = { build: { context: context.replaceAll('$', '$$$$'), network } };
  return { services: Object.fromEntries(requests.map(({ runtime }) => [runtime.name, service])) };
}

function rowOf(request: RuntimeRequest, options: BakeOptions): MatrixRow | null {
  const { runtime, repository } = request;
  const { build, name, platforms } = runtime;
  if (build === null) return null;
  const pushed = options.output.kind === 'push';
  const args = { ...build.args, BASE_IMAGE: pinnedBase(build, options.pins) };
  return {
    name,
    target: build.target,
    args,
    platforms: [...platforms],
    tags: pushed ? referencesOf(request) : [],
    labels: runtimeLabels(request, { image: baseImageOf(build), digest: options.pins[baseImageOf(build)] ?? null }),
    attest: options.output.kind === 'none' ? [] : attestations(options.sbomGenerator),
    cache_from: pushed ? [cache(repository, name)] : [],
    cache_to: pushed ? [`${cache(repository, name)},mode=max,image-manifest=true,ignore-error=true`] : [],
    output: [outputOf(request, options.output)],
  };
}

/** Every reference it is pushed under, the one that models take first. */
export function referencesOf(request: RuntimeRequest): string[] {
  const { repository, alsoTo = [] } = request;
  return [repository, ...alsoTo].flatMap((place) => tagsOf(request).map((tag) => `${place}:${tag}`));
}

/** Its tags, that of the recipe first. */
export function tagsOf({ runtime, key, tags }: RuntimeRequest): string[] {
  return [...new Set([recipeTag(runtime.name, key), ...tags])];
}

function attestations(generator: string | null): string[] {
  return [`type=sbom${generator === null ? '' : `,generator=${generator}`}`, 'type=provenance,mode=max'];
}

function cache(repository: string, name: string): string {
  return `type=registry,ref=${repository}:cache-${name}${insecure([repository])}`;
}

function outputOf({ runtime, repository, alsoTo = [] }: RuntimeRequest, output: RuntimeOutput): string {
  if (output.kind === 'none') return 'type=cacheonly';
  if (output.kind === 'oci') return `type=oci,tar=false,dest=${output.folder}/${runtime.name}`;
  return `type=image,push=true${insecure([repository, ...alsoTo])}`;
}

/** Registries on this machine are spoken to over http. */
function insecure(repositories: readonly string[]): string {
  return repositories.some((text) => isLoopback(parseReference(text).registry)) ? ',registry.insecure=true' : '';
}

/** Strings are templates to bake: this one means what it says. */
function asLiteral(text: string): string {
  return text.replaceAll(/[$%]\{/g, (start) => `${start.charAt(0)}${start}`);
}

function literals(value: unknown): unknown {
  if (typeof value === 'string') return asLiteral(value);
  if (Array.isArray(value)) return value.map(literals);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, literals(inner)]));
}
