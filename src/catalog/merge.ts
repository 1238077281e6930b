import { canonicalJson } from '../image/canonical-json.ts';
import type { Catalog, Model, Position, Problem, Settings } from './types.ts';

export type MergeResult = { ok: true; catalog: Catalog } | { ok: false; problems: Problem[] };

/**
 * Head's changes since the merge base, applied to the catalog the target branch has now: what the catalog will mean once the pull
 * request is merged. Entries are compared whole, by `short` and by name; one that both sides changed differently is a conflict, and so are
 * names that only clash together. Problems point into head's text. Linear in the size of the catalogs.
 */
export function mergeCatalogs(base: Catalog, head: Catalog, target: Catalog): MergeResult {
  const problems: Problem[] = [];
  const top: Position = { line: 1, column: 1 };
  const conflict = (path: string, what: string, at: Position = top) =>
    problems.push({
      ...at,
      path,
      message: `${what} changed here and, differently, on the target branch: bring this branch up to date`,
    });
  const pick: Pick3 = (path, what, values, at) => {
    const result = three(...values);
    if (result.conflict) conflict(path, what, at);
    return result.value;
  };

  const settings = mergeSettings(base.settings, head.settings, target.settings, pick);
  const runtimes = mergeByName(
    base.runtimes,
    head.runtimes,
    target.runtimes,
    ({ name }) => name,
    (name, values) => pick(`runtimes.${name}`, `runtime \`${name}\``, values),
  );
  const models = mergeByName(
    base.models,
    head.models,
    target.models,
    ({ short }) => short,
    (short, values) => {
      const [before, after, current] = values;
      const bare: [object | null, object | null, object | null] = [
        withoutPlace(before),
        withoutPlace(after),
        withoutPlace(current),
      ];
      const result = three(...bare);
      if (result.conflict) conflict(`models.${short}`, `model \`${short}\``, after?.position);
      // What was compared is the entry without its place in the text; what is kept is the entry.
      return result.value === bare[1] ? after : current;
    },
  );
  const catalog: Catalog = { settings, runtimes, models };
  problems.push(...clashes(catalog, new Set(head.models)));
  return problems.length === 0 ? { ok: true, catalog } : { ok: false, problems };
}

type Triple<T> = [base: T, head: T, target: T];
type Pick3 = <T>(path: string, what: string, values: Triple<T>, at?: Position) => T;

function three<T>(base: T, head: T, target: T): { value: T; conflict: boolean } {
  const [b, h, t] = [canonicalJson(base), canonicalJson(head), canonicalJson(target)];
  if (h === b) return { value: target, conflict: false };
  return { value: head, conflict: t !== b && t !== h };
}

function mergeSettings(base: Settings, head: Settings, target: Settings, pick: Pick3): Settings {
  const key = <K extends keyof Settings>(name: K): Settings[K] =>
    pick(`defaults.${name}`, `\`defaults\` (${name})`, [base[name], head[name], target[name]]);
  const registries: Record<string, string> = {};
  for (const name of new Set([...Object.keys(target.registries), ...Object.keys(head.registries)])) {
    const values: Triple<string | null> = [
      base.registries[name] ?? null,
      head.registries[name] ?? null,
      target.registries[name] ?? null,
    ];
    const prefix = pick(`defaults.registries.${name}`, `registry \`${name}\``, values);
    if (prefix !== null) registries[name] = prefix;
  }
  return {
    downloadRoot: key('downloadRoot'),
    hfCacheDir: key('hfCacheDir'),
    whitelist: key('whitelist'),
    registries,
    publish: key('publish'),
    mirrors: key('mirrors'),
    tags: key('tags'),
    inputsTag: key('inputsTag'),
    baseVersion: key('baseVersion'),
    scan: key('scan'),
    limits: key('limits'),
    unscanned: key('unscanned'),
    project: key('project'),
    experimental: key('experimental'),
    schedule: key('schedule'),
  };
}

/** Entries in the target's order, head's new ones behind. */
function mergeByName<T>(
  base: readonly T[],
  head: readonly T[],
  target: readonly T[],
  nameOf: (entry: T) => string,
  merge: (name: string, values: Triple<T | null>) => T | null,
): T[] {
  const index = (entries: readonly T[]) => new Map(entries.map((entry) => [nameOf(entry), entry]));
  const [b, h, t] = [index(base), index(head), index(target)];
  const names = new Set([...t.keys(), ...h.keys()]);
  return [...names].flatMap(
    (name) => merge(name, [b.get(name) ?? null, h.get(name) ?? null, t.get(name) ?? null]) ?? [],
  );
}

function withoutPlace(model: Model | null): object | null {
  if (model === null) return null;
  const { position, ...rest } = model;
  return rest;
}

/** What each side alone may have, but not both together: names of images, and names that are no longer there. */
function clashes({ settings, runtimes, models }: Catalog, ofHead: ReadonlySet<Model>): Problem[] {
  const problems: Problem[] = [];
  const known = new Set(runtimes.map(({ name }) => name));
  const taken = new Map<string, string>();
  for (const model of models) {
    const at: Position = ofHead.has(model) ? model.position : { line: 1, column: 1 };
    const report = (message: string) => problems.push({ ...at, path: `models.${model.short}`, message });
    for (const image of [model.short, ...model.aliases.map((alias) => alias.replace(/^hf-/, ''))]) {
      const other = taken.get(image);
      if (other !== undefined)
        report(`after merging, the image name hf-${image} would be used by \`${other}\` and by \`${model.short}\``);
      taken.set(image, model.short);
    }
    for (const name of model.runtimes.filter((runtime) => !known.has(runtime)))
      report(`after merging, there would be no runtime \`${name}\``);
    for (const name of model.publish.filter((registry) => settings.registries[registry] === undefined)) {
      report(`after merging, there would be no registry \`${name}\``);
    }
  }
  return problems;
}
