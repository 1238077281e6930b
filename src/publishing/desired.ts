import { MAX_CATALOG_BYTES } from '../catalog/parse.ts';
import type { Catalog, Model } from '../catalog/types.ts';
import type { GitHub, Repo } from '../github/types.ts';
import { entryHash } from '../publish/entry-hash.ts';
import { mirrorPlaces } from '../publish/mirror/places.ts';
import { placesOf } from '../publish/places.ts';
import { CATALOG_PATH } from '../review/context.ts';
import { planContext } from '../review/plan-review.ts';
import { parse } from '../review/read-catalogs.ts';
import type { Services } from '../services.ts';

/** What a commit of the default branch asks to be published. */
export type Desired =
  | { kind: 'absent' }
  /** There is a catalog, but nobody can say what it asks for: everything stays as it is. */
  | { kind: 'unusable'; why: string }
  | { kind: 'catalog'; catalog: Catalog };

/** @throws PublisherError `github-unavailable`, `denied` */
export async function desiredAt(github: GitHub, repo: Repo, sha: string): Promise<Desired> {
  const file = await github.fileAt(repo, sha, CATALOG_PATH, MAX_CATALOG_BYTES);
  if (file.kind === 'absent') return { kind: 'absent' };
  if (file.kind === 'invalid') return { kind: 'unusable', why: `${CATALOG_PATH} cannot be read: ${file.reason}` };
  const parsed = parse(file.text);
  if (parsed.valid) return { kind: 'catalog', catalog: parsed.catalog };
  const [first] = parsed.problems;
  const where = first === undefined ? '' : `: line ${first.line}, ${first.message}`;
  return { kind: 'unusable', why: `${CATALOG_PATH} is not valid${where}` };
}

/** See `publish/entry-hash.ts`. */
export function entryOf(catalog: Catalog, model: Model, owner: string, services: Services): string {
  const context = planContext(owner, services);
  const { places } = placesOf(model, catalog.settings, context);
  const mirrors = mirrorPlaces(model, catalog.settings, context);
  return entryHash(catalog, model, {
    owner,
    scan: services.environment.scan,
    repositories: places.map(({ repository }) => repository),
    mirrors: mirrors.places.map(({ target }) => target),
    maxImageBytes: context.maxImageBytes,
  });
}
