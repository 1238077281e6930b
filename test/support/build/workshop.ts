import { readFile } from 'node:fs/promises';
import { type BuildContext, buildImage } from '../../../src/build/build.ts';
import { type BuildKitSettings, readBuildKitSettings } from '../../../src/build/buildkit/settings.ts';
import { licenseFiles } from '../../../src/build/license-files.ts';
import type { BuildRequest, BuiltImage, LayerMemory } from '../../../src/build/types.ts';
import { parseCatalog } from '../../../src/catalog/parse.ts';
import type { Variant } from '../../../src/catalog/types.ts';
import { run } from '../../../src/exec.ts';
import { guardedHttp } from '../../../src/http/fetch.ts';
import { HubClient } from '../../../src/huggingface/client.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { silentLogger } from '../../../src/log.ts';
import { BaseResolver } from '../../../src/plan/bases.ts';
import { planCatalog } from '../../../src/plan/plan.ts';
import type { PlannedTarget } from '../../../src/plan/types.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import type { ImageTarget } from '../../../src/registry/types.ts';
import { PACKAGE_ROOT } from '../../../src/services.ts';
import { hastyClock } from '../clock/hasty-clock.ts';
import { LayersInMemory } from './layers-in-memory.ts';

const { fetch, wire } = guardedHttp({ allow: [], allowLoopback: true });
const DOCKERFILES = await readBuildKitSettings(PACKAGE_ROOT, '');
const ENTRYPOINT = await readFile(new URL('../../../docker/entrypoint.sh', import.meta.url));

export interface RequestOptions {
  /** `host/repository:tag`. */
  base: string;
  variant: Variant;
  /** Default `acme/tiny`. */
  id?: string;
  /** Default: the runtime's own. */
  builder?: 'assemble' | 'buildkit';
  /** YAML flow members, e.g. `arch: "linux/arm64"`. */
  defaults?: string;
  /** The same, of the model. */
  model?: string;
}

export interface BuildOptions extends Partial<Omit<BuildContext, 'targets' | 'memory'>> {
  memory?: LayerMemory;
}

/** The real Hub client, registry client and planner, on a clock that does not wait. */
export interface Workshop {
  hub: HubClient;
  buildkit: BuildKitSettings;
  repository(host: string, name: string): RegistryRepository;
  /** What is planned for one variant; it is to be built. */
  target(options: RequestOptions): Promise<PlannedTarget>;
  request(options: RequestOptions): Promise<BuildRequest>;
  build(request: BuildRequest, targets: [ImageTarget, ...ImageTarget[]], options?: BuildOptions): Promise<BuiltImage>;
}

export function openWorkshop(hubUrl: string, { stallMs }: { stallMs?: number } = {}): Workshop {
  const buildkit = { dockerfiles: DOCKERFILES.dockerfiles, endpoint: hubUrl };
  const common = { token: null, fetch, wire, clock: hastyClock, logger: silentLogger };
  const hub = new HubClient({ endpoint: hubUrl, ...common, ...(stallMs === undefined ? {} : { stallMs }) });
  const registries = new RegistryClient({
    fetch,
    wire,
    clock: hastyClock,
    credentials: async () => ({ username: 'robot', password: 'secret' }),
    logger: silentLogger,
    userAgent: 'test',
    random: () => 0,
  });
  const repository = (host: string, name: string) => registries.repository({ registry: host, repository: name });
  async function planned({ base, variant, builder, id = 'acme/tiny', defaults = '', model = '' }: RequestOptions) {
    const parsed = parseCatalog(
      `defaults: {base_image: "${base}", ${defaults}}\nmodels: [{id: ${id}, short: tiny, ${model}}]\n`,
    );
    if (!parsed.valid) throw new Error(JSON.stringify(parsed.problems));
    const runtimes = parsed.catalog.runtimes.map((runtime) => ({ ...runtime, builder: builder ?? runtime.builder }));
    const { targets } = await planCatalog({
      catalog: { ...parsed.catalog, runtimes },
      hub,
      bases: new BaseResolver((reference) => registries.repository(reference)),
      context: {
        owner: 'acme',
        namespaceSuffix: '',
        publishAllow: null,
        entrypointSha256: sha256Hex(ENTRYPOINT),
        buildkit,
        recipe: { dockerfile: null, pins: {} },
        maxImageBytes: null,
      },
    });
    const target = targets.find((each) => each.variant === variant);
    if (target?.request) return { target, request: target.request };
    throw new Error(`not to be built: ${JSON.stringify([target?.reasons, target?.warnings])}`);
  }
  return {
    hub,
    buildkit,
    repository,
    target: async (options) => (await planned(options)).target,
    request: async (options) => (await planned(options)).request,
    async build(request, targets, { memory = new LayersInMemory(), ...options } = {}) {
      const reference = parseReference(request.base.reference);
      return buildImage(request, {
        hub,
        base: { source: registries.repository(reference), reference },
        targets,
        memory,
        open: (place) => registries.repository(place),
        entrypoint: ENTRYPOINT,
        licenses: (wanted, base, signal) => licenseFiles(wanted, base, hub, signal),
        clock: hastyClock,
        buildkit: { ...buildkit, variables: process.env, run },
        ...options,
      });
    },
  };
}
