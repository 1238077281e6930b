import { canonicalJson } from '../image/canonical-json.ts';
import { DEFAULT_RUNTIME } from './builtin.ts';
import type { Catalog, CatalogDiff, Model, Runtime, Settings } from './types.ts';

/** Catalog keys and their values, in a form in which equal text means equal meaning. */
type Fields = [key: string, value: unknown][];

/**
 * What differs between two catalogs in meaning: a model has changed when anything it is built, scanned or published by has,
 * inherited settings included. Comments and the order of models and keys touch nothing; the order of `serve_args`, `tags` and
 * `runtimes` does. A model is known by its `short`. `base` null is an empty catalog. Linear in the size of both.
 */
export function diffCatalogs(base: Catalog | null, head: Catalog): CatalogDiff {
  const before = new Map(base?.models.map((model) => [model.short, model]));
  const after = new Set(head.models.map(({ short }) => short));
  const inherited = base === null ? () => [] : inheritedChanges(base, head);
  const diff: CatalogDiff = {
    added: [],
    changed: [],
    removed: [...before.keys()].filter((short) => !after.has(short)),
  };
  for (const model of head.models) {
    const old = before.get(model.short);
    if (old === undefined) {
      diff.added.push(model.short);
      continue;
    }
    const fields = [...changedKeys(modelFields(old), modelFields(model)), ...inherited(old, model)];
    if (fields.length > 0) diff.changed.push({ short: model.short, fields });
  }
  return diff;
}

/** Compares what models share once, and answers for one model which of it concerns that model. */
function inheritedChanges(base: Catalog, head: Catalog): (old: Model, model: Model) => string[] {
  const settings = changedKeys(settingsFields(base.settings), settingsFields(head.settings));
  const registries = changedNames(base.settings.registries, head.settings.registries);
  const mirrored = head.settings.mirrors.some((name) => registries.has(name));
  const experimental = base.settings.experimental !== head.settings.experimental;
  const oldRuntimes = new Map(base.runtimes.map((runtime) => [runtime.name, runtime]));
  const runtimes = new Map(
    head.runtimes.map((runtime) => {
      const old = oldRuntimes.get(runtime.name);
      const keys = old === undefined ? [] : changedKeys(runtimeFields(old), runtimeFields(runtime));
      return [runtime.name, { keys, experimental: runtime.experimental }];
    }),
  );
  return (old, model) => {
    const used = model.runtimes.filter((name) => old.runtimes.includes(name));
    const moved = mirrored || model.publish.some((name) => registries.has(name) && old.publish.includes(name));
    return [
      ...settings,
      ...(moved ? ['defaults.registries'] : []),
      ...(experimental && model.runtimes.some((name) => runtimes.get(name)?.experimental)
        ? ['defaults.experimental']
        : []),
      ...used.flatMap((name) => runtimes.get(name)?.keys ?? []),
    ];
  };
}

function modelFields(model: Model): Fields {
  return [
    ['id', model.id],
    ['revision', model.revision],
    ['permissive', model.permissive],
    ['override_spdx', model.overrideSpdx],
    ['gated', model.gated],
    ['serve_args', model.serveArgs],
    ['oci', model.oci],
    ['publish', asSet(model.publish)],
    ['files', { ...model.files, include: asSet(model.files.include), exclude: asSet(model.files.exclude) }],
    ['runtimes', model.runtimes],
    ['aliases', asSet(model.aliases)],
  ];
}

/** `registries` and `experimental` concern only some models; `schedule` concerns none. */
function settingsFields(settings: Settings): Fields {
  const { scan } = settings;
  return [
    ['defaults.download_root', settings.downloadRoot],
    ['defaults.hf_cache_dir', settings.hfCacheDir],
    ['defaults.spdx_permissive_whitelist', asSet(settings.whitelist.map((license) => license.toLowerCase()))],
    ['defaults.mirrors', asSet(settings.mirrors)],
    ['defaults.tags', settings.tags],
    ['defaults.inputs_tag', settings.inputsTag],
    ['defaults.scan', { ...scan, failOn: asSet(scan.failOn), ignore: asSet(scan.ignore.map(canonicalJson)) }],
    ['defaults.limits', settings.limits],
    ['defaults.safety', settings.unscanned],
  ];
}

function runtimeFields(runtime: Runtime): Fields {
  const isDefault = runtime.name === DEFAULT_RUNTIME;
  const own = `runtimes.${runtime.name}`;
  return [
    [`${own}.engine`, runtime.engine],
    [isDefault ? 'defaults.base_image' : `${own}.image`, runtime.image],
    [isDefault ? 'defaults.platforms' : `${own}.platforms`, asSet(runtime.platforms)],
    [isDefault ? 'defaults.base_version' : `${own}.base_version`, runtime.baseVersion],
    [`${own}.experimental`, runtime.experimental],
    [`${own}.build`, runtime.build],
    [`${own}.builder`, runtime.builder],
    [`${own}.smoke`, runtime.smoke],
  ];
}

/** Both lists come from the same function, so the same index is the same key. */
function changedKeys(base: Fields, head: Fields): string[] {
  return head.flatMap(([key, value], index) => (canonicalJson(value) === canonicalJson(base[index]?.[1]) ? [] : [key]));
}

function changedNames(base: Record<string, string>, head: Record<string, string>): ReadonlySet<string> {
  const before = new Map(Object.entries(base));
  return new Set(Object.entries(head).flatMap(([name, prefix]) => (before.get(name) === prefix ? [] : [name])));
}

function asSet(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
