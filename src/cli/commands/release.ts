import { asPublisherError, type ExitCode, PublisherError } from '../../errors.ts';
import { parseRelease, type ReleaseOptions } from '../../publish/release/options.ts';
import { withReleaseArguments } from '../../publish/release/release-runtimes.ts';
import type { PublishedImage } from '../../publish/types.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { gitFacts } from '../git-facts.ts';
import { preparePlanning } from '../plan-context.ts';
import { openCommandLedger } from '../publish/ledger.ts';
import { readCatalogId } from '../publish/options.ts';
import { type ReleaseProblem, runRelease } from '../release/run.ts';
import { mirrorExit, shownMirror } from './mirror.ts';

/** `{release,images:[{short,…publish fields}],runtimes:[{name,digest,repositories,tags}],mirrors,errors,notes,releaseNotes}`. */
export const release: Command = {
  name: 'release',
  summary: 'build, scan and publish the whole catalog under one name',
  positionals: ['TAG'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    latest: { type: 'boolean', description: 'point latest-<variant> at it too' },
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    set: {
      type: 'string',
      multiple: true,
      placeholder: 'ARG=VALUE',
      description: 'another value of a build argument that a runtime declares; may be repeated',
    },
    'catalog-id': {
      type: 'string',
      placeholder: 'ID',
      description: 'claim the repositories for this catalog, and refuse those of another',
    },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details:
    'Nothing is tagged unless every image is built and passes. Exit codes: 1 when one does not, 3 when an image was not scanned (SCAN=optional lets it through) or an outside service failed.',
  async run(context) {
    const { output, arguments: given } = context;
    const options = readOptions(context);
    const catalogId = readCatalogId(context);
    const prepared = await preparePlanning(context);
    const git = prepared.git ?? (await gitFacts(given.text('catalog') ?? 'models.yaml', context));
    const catalog = withReleaseArguments(prepared.catalog, options);
    const ledger = await openCommandLedger(prepared.services);
    const notes: string[] = [];
    const errors: ReleaseProblem[] = [];
    let done: Awaited<ReturnType<typeof runRelease>> | null = null;
    try {
      const run = { planning: { ...prepared, catalog, git }, options, catalogId, ledger, context };
      done = await runRelease(run, (problem) => errors.push(problem));
    } catch (thrown) {
      const { code, message, exitCode } = asPublisherError(thrown);
      errors.push({ code, message, exitCode });
    } finally {
      await ledger.close();
    }
    notes.push(...(done?.notes ?? []));
    for (const { code, message } of errors) output.say(`${code}: ${message}`);
    for (const note of new Set(notes)) output.say(note);
    const images = done?.images ?? [];
    output.result(
      {
        release: options.tag,
        images: images.map(({ image: { notes: _, ...image }, short }) => ({ short, ...image })),
        runtimes: done?.runtimes ?? [],
        mirrors: (done?.mirrors ?? []).map(shownMirror),
        errors: errors.map(({ exitCode: _, ...problem }) => problem),
        notes: [...new Set(notes)],
        releaseNotes: done?.releaseNotes ?? null,
      },
      done === null ? ['Nothing was released.'] : [...images.map(describe), '', done.releaseNotes],
    );
    const mirrored = mirrorExit(done?.mirrors ?? [], { problems: [], errors: [] });
    return errors.reduce<ExitCode>((worst, { exitCode }) => (exitCode > worst ? exitCode : worst), mirrored);
  },
};

function readOptions({ arguments: given }: CommandContext): ReleaseOptions {
  const parsed = parseRelease([
    ...given.positionals,
    ...(given.given('latest') ? ['--latest'] : []),
    ...(given.given('experimental') ? ['--experimental'] : []),
    ...given.list('set').flatMap((setting) => ['--set', setting]),
  ]);
  if (parsed.ok) return parsed.options;
  throw new PublisherError('usage', `${parsed.message.replaceAll('`/release', '`release')}.`);
}

function describe({ short, image }: { short: string; image: PublishedImage }): string {
  const { variant, runtime, digest, tags, moves } = image;
  const moved = moves.length === 0 ? 'nothing changed' : `${moves.length} tags moved`;
  return `${short} ${variant} (${runtime}): ${digest} as ${tags.join(', ')} (${moved})`;
}
