import { DEFAULT_RUNTIME } from './builtin.ts';
import { type Checks, checkDistinct } from './checks.ts';
import { child, entries, entryOf, type Tree, textOf } from './tree.ts';

/** The `runtimes` map, and the runtime that `defaults.base_image` is. */
export function checkRuntimes(root: Tree, checks: Checks): void {
  const runtimes = child(root, 'runtimes');
  const baseImage = child(child(root, 'defaults'), 'base_image');
  const own = entryOf(runtimes, DEFAULT_RUNTIME);
  if (baseImage !== null && own !== null) {
    const message = `\`defaults.base_image\` already is the runtime \`${DEFAULT_RUNTIME}\`; remove one of them`;
    checks.report(own.keyStart, ['runtimes', DEFAULT_RUNTIME], message);
  }
  for (const [name, { keyStart, value }] of entries(runtimes)) {
    if (value.kind === 'map') checkOne(value, ['runtimes', name], keyStart, checks);
  }
}

/** Targets of `docker/runtimes/Dockerfile` → the engine inside. */
const TARGETS: ReadonlyMap<string, string> = new Map([
  ['final-llamacpp', 'llamacpp'],
  ['final-vllm', 'vllm'],
  ['final-sglang', 'sglang'],
]);

function checkTarget(runtime: Tree, path: string[], checks: Checks): void {
  const target = child(child(runtime, 'build'), 'target');
  const name = textOf(target);
  if (target === null || name === null) return;
  const inside = TARGETS.get(name);
  const engine = textOf(child(runtime, 'engine'));
  if (inside === undefined) {
    checks.report(target.start, [...path, 'build', 'target'], `must be one of ${[...TARGETS.keys()].join(', ')}`);
  } else if (engine !== null && engine !== inside) {
    checks.report(target.start, [...path, 'build', 'target'], `holds ${inside}, but the runtime's engine is ${engine}`);
  }
}

function checkOne(runtime: Tree, path: string[], keyStart: number, checks: Checks): void {
  const image = entryOf(runtime, 'image');
  const build = entryOf(runtime, 'build');
  if (image === null && build === null) checks.report(keyStart, path, 'a runtime needs `image` or `build`');
  if (image !== null && build !== null) {
    checks.report(build.keyStart, [...path, 'build'], 'a runtime has either `image` or `build`, not both');
  }
  checkTarget(runtime, path, checks);
  checkDistinct(child(runtime, 'platforms'), [...path, 'platforms'], checks);
}
