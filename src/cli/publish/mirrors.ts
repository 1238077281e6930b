import { type MirrorOutcome, mirrorAll } from '../../publish/mirror/mirror-all.ts';
import { type MirrorPlace, mirrorPlaces } from '../../publish/mirror/places.ts';
import { mirrorRequests } from '../../publish/mirror/wanted.ts';
import type { PublishedImage } from '../../publish/types.ts';
import type { CommandContext } from '../command.ts';
import { mirrorContext, recorder } from '../commands/mirror.ts';
import { type Planning, suffixOf } from '../plan-context.ts';
import type { CommandLedger } from './ledger.ts';
import type { PlacedTarget } from './prepare.ts';

/** Where a model's images are copied to, decided before anything is connected to. */
export function mirrorsOf(
  short: string,
  { catalog, owner, services, git }: Planning,
): { places: MirrorPlace[]; problems: string[] } {
  const model = catalog.models.find((one) => one.short === short);
  if (model === undefined) return { places: [], problems: [] };
  const context = { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow };
  return mirrorPlaces(model, catalog.settings, context);
}

/** Copies what was published to the mirrors, with everything attached, and waits for them. */
export async function mirrorPublished(
  images: readonly PublishedImage[],
  placed: readonly PlacedTarget[],
  places: readonly MirrorPlace[],
  { planning, ledger, context }: { planning: Planning; ledger: CommandLedger; context: CommandContext },
): Promise<MirrorOutcome[]> {
  const wanted = images.flatMap(({ digest }, at) => {
    const one = placed[at];
    const tags = (one?.places[0]?.tags ?? []).map(({ tag, immutable }) => ({ tag, immutable }));
    return one === undefined ? [] : [{ digest, model: one.target.model.id, tags }];
  });
  const requests = mirrorRequests(wanted, places);
  return mirrorAll(requests, mirrorContext(planning, ledger.store, context), recorder(ledger.store, context));
}
