import { asPublisherError, messageOf, PublisherError } from '../errors.ts';
import type { PublishTarget } from '../registry/types.ts';
import type { Attested } from './attest/types.ts';
import { fill } from './fill.ts';
import { moveTags, type ReadyStep } from './move-tags.ts';
import { PublicationFailed } from './publication-failed.ts';
import { mostSpecificFirst } from './tag-order.ts';
import { tagSteps } from './tag-steps.ts';
import type { RenderedTag } from './tags.ts';
import type { Place, PublishContext, PublishedImage, TagStep, WantedPublication } from './types.ts';

interface OpenPlace extends Place {
  target: PublishTarget;
  wanted: WantedPublication;
}

interface ReadPlace extends OpenPlace {
  steps: TagStep[];
}

/**
 * Publishes built images: what names them moves only when everything else is where it should be, in every registry.
 *
 *   open ─▶ image by digest in every place, aliases filled ─▶ every tag read ─▶ conflicts? ─▶ attested and signed ─▶ tags moved
 *     │                    │ a registry is down                     │              │                 │                  │
 *     ▼                    ▼                                        ▼              ▼                 ▼                  ▼
 *   refused            no tag moved anywhere ◀─────────────────────────────────────┴─────────────────┘     PublicationFailed tells
 *
 * Running it again after any end completes it, and writes nothing where all is as it should be. Tags move the most specific first over all
 * images and places; the guard is asked right before and right after each.
 *
 * @throws PublicationFailed with the code of what ended it, and with what it did; `denied` naming every tag that is not ours to move.
 *   PublisherError `refused` before any connection
 */
export async function publishTargets(
  wanted: readonly WantedPublication[],
  context: PublishContext,
): Promise<PublishedImage[]> {
  const places = wanted.flatMap((publication) =>
    publication.places.map((place): OpenPlace => {
      return { ...place, wanted: publication, target: context.open(place.repository) };
    }),
  );
  assertOneImagePerTag(places);
  const read = await readPlaces(places, context);
  const steps = read.flatMap((place) => place.steps);
  assertNoConflict(steps);
  const attested = new Map<WantedPublication, Attested>();
  for (const publication of wanted) {
    attested.set(publication, await attest(publication, read, steps, context));
  }
  const moves = await moveTags(inOrder(read), context);
  return wanted.map((publication) => {
    const { target, image, scan } = publication;
    const own = new Map(read.filter((place) => place.wanted === publication).map((place) => [place.repository, place]));
    const { attestations, signed, notes } = attested.get(publication) ?? { attestations: [], signed: false, notes: [] };
    const named = (repository: string, tag: string) => own.get(repository)?.tags.some((other) => other.tag === tag);
    return {
      ...image,
      variant: target.variant,
      runtime: target.runtime,
      references: [...own.keys()].map((repository) => `${repository}@${image.digest}`),
      tags: [...new Set([...own.values()].flatMap(({ tags }) => sorted(tags).map(({ tag }) => tag)))],
      moves: moves.filter(({ repository, tag }) => named(repository, tag)),
      attestations,
      signed,
      scan,
      notes: [...image.notes, ...notes],
    };
  });
}

/** Own places first: aliases are filled from them. All are asked, so that the state of each is known whichever fails. */
async function readPlaces(places: readonly OpenPlace[], context: PublishContext): Promise<ReadPlace[]> {
  const read: ReadPlace[] = [];
  const failures: { repository: string; error: unknown }[] = [];
  for (const aliases of [false, true]) {
    const round = places.filter(({ aliasOf }) => (aliasOf !== null) === aliases);
    const settled = await Promise.allSettled(round.map((place) => readPlace(place, places, failures, context)));
    settled.forEach((result, at) => {
      const place = round[at];
      if (place === undefined) return;
      if (result.status === 'fulfilled') read.push({ ...place, steps: result.value });
      else failures.push({ repository: place.repository, error: result.reason });
    });
  }
  const [first] = failures;
  if (first === undefined) return read;
  const message = failures.map(({ repository, error }) => `${repository}: ${messageOf(error)}`).join(' ');
  const { code, retryable } = asPublisherError(first.error);
  const unread = failures.map(({ repository }) => repository);
  const state = { moves: [], left: read.flatMap(({ steps }) => steps), unread };
  throw new PublicationFailed(code, message, state, { cause: first.error, retryable });
}

async function readPlace(
  { wanted, aliasOf, repository, target, tags }: OpenPlace,
  places: readonly OpenPlace[],
  failures: readonly { repository: string }[],
  context: PublishContext,
): Promise<TagStep[]> {
  const { digest } = wanted.image;
  if (aliasOf !== null && failures.some((failure) => failure.repository === aliasOf)) {
    throw new PublisherError('registry-unavailable', `${aliasOf}, whose alias it is, could not be read.`);
  }
  const others = places.filter((place) => place.wanted === wanted && place.repository !== repository);
  // The repository whose name it repeats comes first: it is on the same host, where nothing has to be moved.
  const near = others.filter((place) => place.repository === aliasOf);
  const sources = [...new Set([...near, ...others.filter((place) => place.aliasOf === null)])];
  await fill(
    target,
    digest,
    sources.map((place) => place.target),
    context,
  );
  return tagSteps(target, tags, { digest, model: wanted.target.model.id }, context);
}

async function attest(
  publication: WantedPublication,
  read: readonly ReadPlace[],
  left: TagStep[],
  { attester, signal }: PublishContext,
): Promise<Attested> {
  const { image, target, source, scan } = publication;
  const repositories = read.filter(({ wanted }) => wanted === publication).map((place) => place.target);
  try {
    return await attester.attest(image.digest, repositories, { target, source, scan }, signal);
  } catch (thrown) {
    throw PublicationFailed.from(thrown, { moves: [], left, unread: [] });
  }
}

function assertOneImagePerTag(places: readonly OpenPlace[]): void {
  const names = new Map<string, string>();
  for (const { repository, tags, wanted } of places) {
    for (const { tag } of tags) {
      const name = `${repository}:${tag}`;
      const other = names.get(name) ?? wanted.image.digest;
      if (other !== wanted.image.digest) {
        throw new PublisherError('denied', `${name} would name two images, ${other} and ${wanted.image.digest}.`);
      }
      names.set(name, other);
    }
  }
}

function assertNoConflict(steps: readonly TagStep[]): void {
  const told = steps.flatMap((step) =>
    step.action === 'conflict' ? `${step.repository}:${step.tag} is at ${step.before}: ${step.why}.` : [],
  );
  if (told.length === 0) return;
  const hint = steps.some((step) => step.action === 'conflict' && !step.immutable)
    ? ' Publish with --force if a tag may be taken over.'
    : '';
  throw new PublicationFailed(
    'denied',
    `${told.join(' ')}${hint}`,
    { moves: [], left: steps.filter(({ action }) => action !== 'conflict'), unread: [] },
    {},
  );
}

const sorted = (tags: readonly RenderedTag[]) => [...tags].sort(mostSpecificFirst);

function inOrder(read: readonly ReadPlace[]): ReadyStep[] {
  return read
    .flatMap(({ tags, steps, target, wanted }) =>
      tags.flatMap((rendered, at) => {
        const step = steps[at];
        return step === undefined ? [] : [{ rendered, step, target, digest: wanted.image.digest }];
      }),
    )
    .sort((a, b) => mostSpecificFirst(a.rendered, b.rendered));
}
