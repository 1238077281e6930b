import { canonicalJson } from '../image/canonical-json.ts';
import type { Catalog, Model, Runtime, ScanIgnore, Settings } from './types.ts';

export interface Strictened {
  catalog: Catalog;
  /** What head would loosen, one sentence each: listed first in the comment, in force after the merge. */
  weakenings: string[];
}

/**
 * A pull request's catalog with the settings that decide over it at the stricter of default branch and head: nobody loosens the rules
 * for the pull request that loosens them. Base images and platforms come from head; what runs somebody's code (`build`, builder,
 * smoke commands), and where the images of that go (`project`), from the default branch.
 *
 * @param trusted the default branch's catalog; with none there yet, one of built-in settings
 * @param registriesAllowed whether head's registries count as they are: with no trusted catalog the operator's allow-list alone decides
 */
export function stricterCatalog(head: Catalog, trusted: Catalog, registriesAllowed: boolean): Strictened {
  const weakenings: string[] = [];
  const weaker = (what: string) => weakenings.push(`${what} takes effect after merge.`);
  const settings = stricterSettings(head.settings, trusted.settings, registriesAllowed, weaker);
  const runtimes = head.runtimes.map((runtime) => trustedParts(runtime, trusted.runtimes, weaker));
  const models = head.models.map(
    (model): Model => ({ ...model, publish: model.publish.filter((name) => settings.registries[name] !== undefined) }),
  );
  return { catalog: { settings, runtimes, models }, weakenings };
}

type Weaker = (what: string) => void;

function stricterSettings(head: Settings, trusted: Settings, registriesAllowed: boolean, weaker: Weaker): Settings {
  const allowed = new Set(trusted.whitelist.map((id) => id.toLowerCase()));
  const whitelist = head.whitelist.filter((id) => allowed.has(id.toLowerCase()));
  const added = head.whitelist.filter((id) => !allowed.has(id.toLowerCase()));
  if (added.length > 0) weaker(`\`spdx_permissive_whitelist\` gains ${added.join(', ')}; that`);

  const limits = {
    fatMaxBytes: lower(head.limits.fatMaxBytes, trusted.limits.fatMaxBytes, 'limits.fat_max_bytes', weaker),
    layerMaxBytes: lower(head.limits.layerMaxBytes, trusted.limits.layerMaxBytes, 'limits.layer_max_bytes', weaker),
  };
  const registries = registriesAllowed ? head.registries : onlyKnown(head.registries, trusted.registries, weaker);
  if (canonicalJson(head.tags) !== canonicalJson(trusted.tags)) weaker('`tags` changes; that');
  if (canonicalJson([...head.mirrors].sort()) !== canonicalJson([...trusted.mirrors].sort()))
    weaker('`mirrors` changes; that');
  if (head.project !== trusted.project) weaker('`project` changes; that');
  if (head.schedule !== trusted.schedule) weaker('`schedule` changes; that');
  if (head.unscanned === 'warn' && trusted.unscanned === 'deny') weaker('`safety.unscanned` becomes `warn`; that');
  return {
    ...head,
    whitelist,
    limits,
    registries,
    mirrors: head.mirrors.filter((name) => trusted.mirrors.includes(name) && registries[name] !== undefined),
    project: trusted.project,
    schedule: trusted.schedule,
    unscanned: head.unscanned === 'deny' || trusted.unscanned === 'deny' ? 'deny' : 'warn',
    scan: stricterScan(head, trusted, weaker),
  };
}

function stricterScan({ scan: head }: Settings, { scan: trusted }: Settings, weaker: Weaker): Settings['scan'] {
  const dropped = trusted.failOn.filter((severity) => !head.failOn.includes(severity));
  if (dropped.length > 0) weaker(`\`scan.fail_on\` loses ${dropped.join(', ')}; that`);
  if (head.ignoreUnfixed && !trusted.ignoreUnfixed) weaker('`scan.ignore_unfixed` is switched on; that');
  if (head.baseFindings === 'warn' && trusted.baseFindings === 'fail')
    weaker('`scan.base_findings` becomes `warn`; that');
  const known = new Set(trusted.ignore.map(ignoreKey));
  const gained = head.ignore.filter((ignore) => !known.has(ignoreKey(ignore)));
  if (gained.length > 0) weaker(`\`scan.ignore\` gains ${gained.map(({ id }) => id).join(', ')}; that`);
  return {
    failOn: [...new Set([...trusted.failOn, ...head.failOn])],
    ignoreUnfixed: head.ignoreUnfixed && trusted.ignoreUnfixed,
    baseFindings: head.baseFindings === 'fail' || trusted.baseFindings === 'fail' ? 'fail' : 'warn',
    ignore: head.ignore.filter((ignore) => known.has(ignoreKey(ignore))),
  };
}

/** The reason is for people; everything else decides what is ignored. */
function ignoreKey({ id, package: name, until }: ScanIgnore): string {
  return canonicalJson([id, name, until]);
}

function lower(head: number, trusted: number, what: string, weaker: Weaker): number {
  if (head > trusted) weaker(`\`${what}\` is raised from ${trusted} to ${head}; that`);
  return Math.min(head, trusted);
}

function onlyKnown(
  head: Record<string, string>,
  trusted: Record<string, string>,
  weaker: Weaker,
): Record<string, string> {
  const entries = Object.entries(head);
  const changed = entries.filter(([name, prefix]) => trusted[name] !== prefix).map(([name]) => name);
  if (changed.length > 0) weaker(`\`registries\` changes (${changed.join(', ')}); that`);
  return Object.fromEntries(entries.filter(([name, prefix]) => trusted[name] === prefix));
}

/**
 * Somebody's Dockerfile, builder and commands run only as the default branch has them. An image that head names takes the place of a
 * build at once; a build that head describes takes no image's place yet.
 */
function trustedParts(runtime: Runtime, trusted: readonly Runtime[], weaker: Weaker): Runtime {
  const before = trusted.find(({ name }) => name === runtime.name);
  const named = runtime.image !== null;
  const parts = {
    build: named ? null : (before?.build ?? null),
    builder: before?.builder ?? 'assemble',
    smoke: before?.smoke ?? null,
  } as const;
  const own = { build: runtime.build, builder: runtime.builder, smoke: runtime.smoke };
  if (canonicalJson(own) !== canonicalJson(parts))
    weaker(`\`build\`, \`builder\` or \`smoke\` of runtime \`${runtime.name}\` changes; that`);
  return { ...runtime, ...parts, image: named ? runtime.image : (before?.image ?? null) };
}
