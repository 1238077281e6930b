import { PublisherError } from '../errors.ts';
import type { PlannedTarget } from '../plan/types.ts';
import { parseReference } from '../registry/reference.ts';
import type { ImageTarget } from '../registry/types.ts';
import type { Services } from '../services.ts';

/** Undefined = any. */
interface Wanted {
  variant: string | undefined;
  runtime: string | undefined;
}

interface Selected {
  wanted: PlannedTarget[];
  refused: PlannedTarget[];
}

function matches({ variant, runtime }: Pick<PlannedTarget, 'variant' | 'runtime'>, wanted: Wanted): boolean {
  return (wanted.variant ?? variant) === variant && (wanted.runtime ?? runtime) === runtime;
}

/** What is to be built. What was asked for by name and is not permitted is refused, not left out. */
export function select(targets: PlannedTarget[], wanted: Wanted): Selected {
  const asked = targets.filter((target) => matches(target, wanted));
  if (asked.length === 0) {
    const runtimes = [...new Set(targets.map(({ runtime }) => runtime))].join(', ');
    throw new PublisherError(
      'usage',
      `The model has no runtime \`${wanted.runtime}\`; it has ${runtimes || 'none to build'}.`,
    );
  }
  const isRefused = ({ action, variant }: PlannedTarget) =>
    action === 'fail' || (action === 'skip' && wanted.variant === variant);
  return { wanted: asked.filter(({ action }) => action === 'build'), refused: asked.filter(isRefused) };
}

/** Why a target is not built: `hub-unavailable` when nobody could decide, else `denied`. */
export function refusal({ variant, model, reasons, warnings }: PlannedTarget): PublisherError {
  const told = reasons.filter(({ effect }) => effect === 'fails' || (variant === 'fat' && effect === 'denies-fat'));
  const why = [...told.map(({ code, message }) => `${code}: ${message}`), ...(told.length === 0 ? warnings : [])].join(
    ' ',
  );
  const unavailable = reasons.some(({ code }) => code === 'hub-unavailable');
  return new PublisherError(
    unavailable ? 'hub-unavailable' : 'denied',
    `${model.short} ${variant} is not built. ${why}`,
  );
}

/** Where the images of a target go. @throws PublisherError `environment` when that is nowhere, or nobody's */
export function registryTargets(
  { repositories, model }: PlannedTarget,
  services: Services,
  owner: string | null,
): [ImageTarget, ...ImageTarget[]] {
  const unknown = repositories.find((repository) => repository.includes('{owner}'));
  if (unknown !== undefined) {
    throw new PublisherError(
      'environment',
      `Nobody said whose registry ${unknown} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`,
    );
  }
  const [first, ...others] = repositories.map((repository) => services.target(parseReference(repository), owner));
  if (first === undefined) {
    throw new PublisherError(
      'environment',
      `${model.short} publishes to no registry: name one in \`publish\`, or use --to oci:DIR.`,
    );
  }
  return [first, ...others];
}
