import * as builtin from './builtin.ts';
import { BUILTIN_RUNTIMES } from './builtin-runtimes.ts';
import { splitPlatforms } from './grammar.ts';
import type { RawCatalog, RawDefaults, RawModel, RawRuntime } from './schema.ts';
import type { Catalog, Model, Position, Runtime, ScanSettings, Settings, TagTemplate } from './types.ts';
import { parseBytes } from './units.ts';

/** A catalog as written, with every default applied. `positionOf` says where a model begins. */
export function resolveCatalog(raw: RawCatalog, positionOf: (index: number) => Position): Catalog {
  const defaults = raw.defaults ?? {};
  const settings = resolveSettings(defaults);
  const published = publishedByDefault(defaults.publish);
  return {
    settings,
    runtimes: resolveRuntimes(raw.runtimes ?? {}, defaults),
    models: raw.models.map((model, index) => resolveModel(model, settings, published, positionOf(index))),
  };
}

function resolveSettings(defaults: RawDefaults): Settings {
  const limits = defaults.limits ?? {};
  const registries = Object.fromEntries([...builtin.REGISTRIES, ...given(defaults.registries)]);
  const published = publishedByDefault(defaults.publish);
  return {
    downloadRoot: defaults.download_root ?? builtin.DOWNLOAD_ROOT,
    hfCacheDir: defaults.hf_cache_dir ?? builtin.HF_CACHE_DIR,
    whitelist: [...(defaults.spdx_permissive_whitelist ?? builtin.WHITELIST)],
    registries,
    publish: Object.keys(registries).filter((name) => published.get(name) === true),
    mirrors: [...(defaults.mirrors ?? [])],
    tags: defaults.tags?.map(resolveTag) ?? builtin.TAGS.map((tag) => ({ ...tag })),
    inputsTag: defaults.inputs_tag ?? true,
    baseVersion: defaults.base_version ?? null,
    scan: resolveScan(defaults.scan),
    limits: {
      fatMaxBytes: parseBytes(limits.fat_max_bytes ?? builtin.FAT_MAX_BYTES) ?? builtin.FAT_MAX_BYTES,
      layerMaxBytes: parseBytes(limits.layer_max_bytes ?? builtin.LAYER_MAX_BYTES) ?? builtin.LAYER_MAX_BYTES,
    },
    unscanned: defaults.safety?.unscanned ?? 'warn',
    project: defaults.project ?? builtin.PROJECT,
    experimental: defaults.experimental ?? false,
    schedule: defaults.schedule ?? null,
  };
}

function resolveTag(tag: string | { template: string; immutable?: boolean | null | undefined }): TagTemplate {
  return typeof tag === 'string'
    ? { template: tag, immutable: false }
    : { template: tag.template, immutable: tag.immutable ?? false };
}

function resolveScan(scan: RawDefaults['scan']): ScanSettings {
  return {
    failOn: [...new Set(scan?.fail_on ?? builtin.SCAN.failOn)],
    ignoreUnfixed: scan?.ignore_unfixed ?? builtin.SCAN.ignoreUnfixed,
    baseFindings: scan?.base_findings ?? builtin.SCAN.baseFindings,
    ignore: (scan?.ignore ?? []).map(({ id, package: name, until, reason }) => ({
      id,
      package: name ?? null,
      until: until ?? null,
      reason: reason ?? null,
    })),
  };
}

/** The runtimes by name: the one called `default`, those of the catalog, those that ship with us and were not declared anew. */
function resolveRuntimes(runtimes: Record<string, RawRuntime>, defaults: RawDefaults): Runtime[] {
  const { [builtin.DEFAULT_RUNTIME]: own, ...declared } = runtimes;
  const others = { ...declared, ...withoutKeys(BUILTIN_RUNTIMES, declared) };
  const first = own ?? { engine: 'vllm', image: defaults.base_image ?? builtin.BASE_IMAGE };
  return [
    resolveRuntime(builtin.DEFAULT_RUNTIME, first, defaults),
    ...Object.entries(others).map(([name, runtime]) => resolveRuntime(name, runtime, defaults)),
  ];
}

function withoutKeys<Value>(map: Readonly<Record<string, Value>>, keys: object): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !Object.hasOwn(keys, key)));
}

function resolveRuntime(name: string, runtime: RawRuntime, defaults: RawDefaults): Runtime {
  const inherited = defaults.platforms ?? splitPlatforms(defaults.arch ?? builtin.PLATFORMS.join(','));
  const { build } = runtime;
  return {
    name,
    engine: runtime.engine,
    image: runtime.image ?? null,
    platforms: [...(runtime.platforms ?? inherited)],
    experimental: runtime.experimental ?? false,
    build: build === undefined || build === null ? null : { target: build.target, args: { ...build.args } },
    builder: runtime.builder ?? 'assemble',
    smoke: runtime.smoke ?? null,
    baseVersion: runtime.base_version ?? defaults.base_version ?? null,
  };
}

function resolveModel(
  raw: RawModel,
  settings: Settings,
  published: ReadonlyMap<string, boolean>,
  position: Position,
): Model {
  const publish = new Map([...published, ...given(raw.publish)]);
  return {
    id: raw.id,
    short: raw.short,
    revision: raw.revision ?? null,
    permissive: raw.permissive ?? 'auto',
    overrideSpdx: raw.override_spdx ?? null,
    gated: raw.gated ?? 'auto',
    serveArgs: [...(raw.serve_args ?? [])],
    oci: {
      title: raw.oci?.title ?? null,
      description: raw.oci?.description ?? null,
      url: raw.oci?.url ?? null,
    },
    publish: Object.keys(settings.registries).filter((name) => publish.get(name) === true),
    files: {
      include: [...(raw.files?.include ?? [])],
      exclude: [...(raw.files?.exclude ?? [])],
      quant: raw.files?.quant ?? null,
    },
    runtimes: [...(raw.runtimes ?? [builtin.DEFAULT_RUNTIME])],
    aliases: [...(raw.aliases ?? [])],
    position,
  };
}

/** A `publish` map in `defaults` replaces the built-in one: registries it does not name are off. */
function publishedByDefault(publish: RawDefaults['publish']): ReadonlyMap<string, boolean> {
  return publish === undefined || publish === null ? builtin.PUBLISH : new Map(given(publish));
}

/** Entries whose value is not null. */
function given<Value>(map: Record<string, Value | null> | null | undefined): [string, Value][] {
  return Object.entries(map ?? {}).flatMap(([key, value]): [string, Value][] => (value === null ? [] : [[key, value]]));
}
