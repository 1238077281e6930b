import type { Catalog } from '../../catalog/types.ts';
import type { ReadProvenance } from './check-provenance.ts';
import { type Check, failed, notChecked, passed } from './types.ts';

export interface Name {
  /** `host/repository`. */
  repository: string;
  tagOrDigest: string;
}

/**
 * Whether the name is one that this very image is published under: a signature vouches for an image, and says nothing of the name it was
 * found by. The repository is the model's own or, as the catalog tells, an alias of it; a tag that ends in a variant or begins with an inputs key
 * means that one.
 */
export function checkName(
  { repository, tagOrDigest }: Name,
  provenance: readonly ReadProvenance[],
  catalog: Catalog | null,
): Check {
  const [read] = provenance;
  if (read === undefined) return notChecked('name', 'there is no provenance to hold the name against');
  const { short, variant } = read.externalParameters;
  const { inputs } = read.internalParameters;
  const named = repository.slice(repository.lastIndexOf('/') + 1);
  const saidVariant = /-(slim|fat)$/.exec(tagOrDigest)?.[1];
  if (saidVariant !== undefined && saidVariant !== variant) {
    return failed('name', `the tag says ${saidVariant}, the image is ${variant}`);
  }
  const saidInputs = /^i([0-9a-f]{12})(?:-|$)/.exec(tagOrDigest)?.[1];
  if (saidInputs !== undefined && !inputs.startsWith(saidInputs)) {
    return failed('name', `the tag is that of inputs ${saidInputs}, the image is made of ${inputs.slice(0, 12)}`);
  }
  if (named === `hf-${short}`) return passed('name', `${named} is the image of ${short}`);
  const model = catalog?.models.find((each) => each.short === short);
  if (model?.aliases.some((alias) => named === `hf-${alias.replace(/^hf-/, '')}` || named === alias) === true) {
    return passed('name', `${named} is an alias of ${short}`);
  }
  if (catalog?.models.some((each) => named === `hf-${each.short}`) === true || model !== undefined) {
    return failed('name', `the repository is ${named}, the image is ${short}`);
  }
  return notChecked(
    'name',
    `the repository is ${named}, the image is ${short}: --catalog tells whether that is an alias`,
  );
}
