import { asPublisherError, type ExitCode, PublisherError } from '../../errors.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import type { MirrorOutcome } from '../../publish/mirror/mirror-all.ts';
import type { PublishedImage } from '../../publish/types.ts';
import { formatBytes } from '../../report/numbers.ts';
import { refusal, select } from '../build-targets.ts';
import { CATALOG_FLAG, type Command, OWNER_FLAG } from '../command.ts';
import { gitFacts } from '../git-facts.ts';
import { planFor, preparePlanning } from '../plan-context.ts';
import { openCommandLedger } from '../publish/ledger.ts';
import { mirrorPublished, mirrorsOf } from '../publish/mirrors.ts';
import { readPublishOptions } from '../publish/options.ts';
import { keptTagsNotes, openPlace, placeTargets } from '../publish/prepare.ts';
import { runPublication } from '../publish/run.ts';
import { type StateAfterFailure, stateAfter, stateLines } from '../publish/state.ts';

import { mirrorExit, shownMirror } from './mirror.ts';

/** `{images:[{…build's fields, tags, moves, attestations, signed, scan}], errors, notes, mirrors, state?}`. */
export const publish: Command = {
  name: 'publish',
  summary: 'build, scan and attest the images of one model, then move its tags in every registry',
  positionals: ['SHORT'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    variant: { type: 'string', placeholder: 'slim|fat', description: 'only this variant' },
    runtime: { type: 'string', placeholder: 'NAME', description: 'only on this runtime' },
    tag: { type: 'string', multiple: true, placeholder: 'TEMPLATE', description: 'a further tag; may be given again' },
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    force: { type: 'boolean', description: 'also move tags that name images which were not written here' },
    'catalog-id': {
      type: 'string',
      placeholder: 'ID',
      description: 'claim the repositories for this catalog, and refuse those of another',
    },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details:
    'No tag moves unless every image passed. Exit codes: 1 when the plan or the scan says no, 3 when an image was not scanned (SCAN=optional lets it through) or an outside service failed.',
  async run(context) {
    const { arguments: given, output, signal } = context;
    const [short = ''] = given.positionals;
    const options = readPublishOptions(context);
    const prepared = await preparePlanning(context);
    const git = prepared.git ?? (await gitFacts(given.text('catalog') ?? 'models.yaml', context));
    const planning = { ...prepared, git };
    const plan = await planFor(planning, { only: short, experimental: options.experimental }, context);
    const { wanted, refused } = select(plan.targets, options);
    const building = plan.targets.filter(({ action }) => action === 'build');
    const notes = [...plan.warnings];
    const errors: Problem[] = [];
    let images: PublishedImage[] = [];
    let mirrors: MirrorOutcome[] = [];
    let state: StateAfterFailure | null = null;
    let exit: ExitCode = 0;
    const fail = (error: PublisherError, target?: PlannedTarget) => {
      const about = target === undefined ? {} : { variant: target.variant, runtime: target.runtime };
      errors.push({ ...about, code: error.code, message: error.message });
      output.say(`${error.code}: ${error.message}`);
      exit = error.exitCode > exit ? error.exitCode : exit;
    };
    for (const target of refused) fail(refusal(target), target);
    if (refused.length === 0 && wanted.length > 0) {
      const { placed, notes: leftOut } = placeTargets(wanted, building, planning, options);
      const places = placed.flatMap((one) => one.places);
      const open = openPlace(planning);
      notes.push(...leftOut);
      const mirrored = mirrorsOf(short, planning);
      if (mirrored.problems.length > 0) throw new PublisherError('refused', mirrored.problems.join(' '));
      const ledger = await openCommandLedger(planning.services);
      try {
        images = await runPublication({
          placed,
          mirrors: mirrored.places,
          building,
          planning,
          options,
          ledger,
          context,
        });
        mirrors = await mirrorPublished(images, placed, mirrored.places, { planning, ledger, context });
        const mirrorCode = mirrorExit(mirrors, { problems: [], errors: [] });
        if (mirrorCode > exit) exit = mirrorCode;
        const denied = plan.targets.filter(({ action }) => action === 'skip');
        // The publication is done: not being able to tell this is no failure of it.
        notes.push(...(await keptTagsNotes(denied, building, places, planning, open, signal).catch(() => [])));
      } catch (thrown) {
        fail(asPublisherError(thrown));
        state = await stateAfter(thrown, places, open, signal);
      } finally {
        await ledger.close();
      }
    }
    notes.push(...images.flatMap((image) => image.notes));
    for (const note of new Set(notes)) output.say(note);
    const shown = images.map(({ notes: _, ...image }) => image);
    output.result(
      {
        images: shown,
        errors,
        notes: [...new Set(notes)],
        mirrors: mirrors.map(shownMirror),
        ...(state === null ? {} : { state }),
      },
      [...images.flatMap(describe), ...(state === null ? [] : stateLines(state))],
    );
    return exit;
  },
};

interface Problem {
  variant?: string;
  runtime?: string;
  code: string;
  message: string;
}

function describe(image: PublishedImage): string[] {
  const { variant, runtime, bytes, moves, tags, references } = image;
  const moved = moves.length === 0 ? 'nothing changed' : `${moves.length} tags moved`;
  return [
    `${variant} (${runtime}): ${image.digest} (${formatBytes(bytes.uploaded)} uploaded, ${moved}, ${image.signed ? 'signed' : 'not signed'})`,
    ...references.map((reference) => `  ${reference.slice(0, reference.indexOf('@'))}: ${tags.join(', ')}`),
  ];
}
