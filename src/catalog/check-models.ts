import { type Checks, checkDistinct, checkPublish, checkRuntime, spdxProblem } from './checks.ts';
import { child, clip, items, type Path, type Tree, textOf } from './tree.ts';

export function checkModels(models: Tree | null, checks: Checks): void {
  const taken = new Map<string, Tree>();
  items(models).forEach((model, index) => {
    const at: Path = ['models', index];
    claimNames(model, at, taken, checks);
    checkPublish(child(model, 'publish'), [...at, 'publish'], checks);
    const runtimes = child(model, 'runtimes');
    checkDistinct(runtimes, [...at, 'runtimes'], checks);
    items(runtimes).forEach((runtime, place) => {
      checkRuntime(textOf(runtime), runtime.start, [...at, 'runtimes', place], checks);
    });
    const override = child(model, 'override_spdx');
    const wrong = spdxProblem(override, checks.spdx.expression);
    if (override !== null && wrong !== null) checks.report(override.start, [...at, 'override_spdx'], wrong);
  });
}

/** Image names are one namespace: an alias is `hf-<alias>`, whether or not it is written with `hf-`. */
function claimNames(model: Tree, at: Path, taken: Map<string, Tree>, { lineOf, report }: Checks): void {
  const claim = (tree: Tree, path: Path, image: string) => {
    const other = taken.get(image);
    if (other === undefined) taken.set(image, tree);
    else
      report(
        tree.start,
        path,
        `the image name hf-${clip(image)} is also used on line ${lineOf(other)}; each needs its own`,
      );
  };
  const short = child(model, 'short');
  const name = textOf(short);
  if (short !== null && name !== null) claim(short, [...at, 'short'], name);
  items(child(model, 'aliases')).forEach((alias, place) => {
    const text = textOf(alias);
    if (text !== null) claim(alias, [...at, 'aliases', place], text.replace(/^hf-/, ''));
  });
}
