import type { Runtime, RuntimeBuild } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';

export type BuildableRuntime = Runtime & { build: RuntimeBuild };

const VALUE = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/;
const SETTING = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

const isBuildable = (runtime: Runtime): runtime is BuildableRuntime => runtime.build !== null && runtime.image === null;

/**
 * The runtimes to be built: those named, else all that have a `build`; experimental ones only when asked for.
 * @throws PublisherError `usage` for a name that there is nothing to build of
 */
export function selectRuntimes(
  runtimes: readonly Runtime[],
  names: readonly string[],
  experimental: boolean,
): BuildableRuntime[] {
  const buildable = runtimes.filter(isBuildable);
  if (names.length === 0) return buildable.filter((runtime) => experimental || !runtime.experimental);
  return [...new Set(names)].map((name) => {
    const found = buildable.find((runtime) => runtime.name === name);
    if (found === undefined) {
      const known = buildable.map((runtime) => runtime.name).join(', ') || 'none';
      const why = runtimes.some((runtime) => runtime.name === name)
        ? `Runtime \`${name}\` stands on an image of somebody else`
        : `There is no runtime \`${name}\``;
      throw new PublisherError('usage', `${why}; those that are built here: ${known}.`);
    }
    if (found.experimental && !experimental) {
      throw new PublisherError('usage', `Runtime \`${name}\` is experimental: add --experimental.`);
    }
    return found;
  });
}

/**
 * Build arguments given as `ARG=VALUE`, in every runtime that declares them.
 * @throws PublisherError `usage` for an argument that none declares, or a value outside the grammar
 */
export function withArguments(runtimes: readonly BuildableRuntime[], settings: readonly string[]): BuildableRuntime[] {
  const given = settings.map(parseSetting);
  for (const [name] of given) {
    if (runtimes.some(({ build }) => Object.hasOwn(build.args, name))) continue;
    const known = [...new Set(runtimes.flatMap(({ build }) => Object.keys(build.args)))].sort().join(', ') || 'none';
    throw new PublisherError('usage', `No runtime to be built declares the argument ${name}; declared: ${known}.`);
  }
  return runtimes.map((runtime) => {
    const own = given.filter(([name]) => Object.hasOwn(runtime.build.args, name));
    return { ...runtime, build: { ...runtime.build, args: { ...runtime.build.args, ...Object.fromEntries(own) } } };
  });
}

function parseSetting(text: string): [string, string] {
  const [, name, value] = SETTING.exec(text) ?? [];
  if (name === undefined || value === undefined || !VALUE.test(value)) {
    const shown = JSON.stringify(text.slice(0, 100));
    throw new PublisherError(
      'usage',
      `--set ${shown} is not ARG=VALUE with a value of letters, digits and . _ + - only.`,
    );
  }
  return [name, value];
}
