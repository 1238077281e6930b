import { tagImage } from '../../build/assemble.ts';
import { openMemory } from '../../build/open-memory.ts';
import { smokeFailure } from '../../build/smoke/failure.ts';
import type { SmokeResult } from '../../build/smoke/types.ts';
import type { BuiltImage, LayerMemory } from '../../build/types.ts';
import type { Catalog, Runtime } from '../../catalog/types.ts';
import { asPublisherError, type ExitCode, PublisherError } from '../../errors.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { openLayout } from '../../registry/layout.ts';
import { isTag } from '../../registry/reference.ts';
import type { ImageTarget } from '../../registry/types.ts';
import { formatBytes } from '../../report/numbers.ts';
import { adHocCatalog } from '../ad-hoc-catalog.ts';
import { requestOf } from '../build-request.ts';
import { refusal, registryTargets, select } from '../build-targets.ts';
import { buildTo } from '../build-to.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { deliverLocally } from '../local-image.ts';
import { type Planning, planFor, preparePlanning, prepareServices } from '../plan-context.ts';
import { smokeFrom } from '../smoke.ts';
import { startHint } from '../start-hint.ts';

/** `{images:[{variant,runtime,reference,references,digest,revision,bytes,durationMs,smoke?}], errors, notes}`. */
export const build: Command = {
  name: 'build',
  summary: 'build images of one model and push them by digest, or write an OCI layout',
  positionals: ['SHORT'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    variant: {
      type: 'string',
      placeholder: 'slim|fat',
      description: 'only this variant (default: all the plan permits)',
    },
    runtime: { type: 'string', placeholder: 'NAME', description: 'only on this runtime' },
    to: {
      type: 'string',
      placeholder: 'registry|oci:DIR|local',
      description: 'where to (default: registry); local: docker load, else images/<short>-<variant>',
    },
    builder: {
      type: 'string',
      placeholder: 'assemble|buildkit',
      description: "how to build (default: the runtime's; buildkit needs docker buildx)",
    },
    tag: {
      type: 'string',
      placeholder: 'TAG',
      description: 'also point this tag at the image (needs one variant and runtime)',
    },
    id: {
      type: 'string',
      placeholder: 'OWNER/NAME',
      description: 'build this Hub model as SHORT; it need not be in the catalog',
    },
    smoke: { type: 'boolean', description: 'run each image in the container engine here, shut off from everything' },
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details: 'Exit codes: 1 when the plan denies what was asked for, 3 when the Hub or a registry failed.',
  async run(context) {
    const { arguments: given, output } = context;
    const [short = ''] = context.arguments.positionals;
    const options = readOptions(context);
    const planning = withBuilder(await planningFor(short, context), options.builder);
    const { targets } = await planFor(planning, { only: short, experimental: given.given('experimental') }, context);
    const startedAt = planning.services.clock.now();
    const { wanted, refused } = select(targets, options);
    if (options.tag !== undefined && wanted.length + refused.length !== 1) {
      throw new PublisherError('usage', '--tag names one image: choose it with --variant and --runtime.');
    }
    const images: SmokedImage[] = [];
    const errors: { variant: string; runtime: string; code: string; message: string }[] = [];
    let exit: ExitCode = 0;
    const fail = ({ variant, runtime }: PlannedTarget, error: PublisherError) => {
      errors.push({ variant, runtime, code: error.code, message: error.message });
      output.say(`${variant} failed (${error.code}): ${error.message}`);
      exit = error.exitCode > exit ? error.exitCode : exit;
    };
    for (const target of refused) fail(target, refusal(target));
    if (wanted.length > 0) {
      const memory = await openMemory(planning.services);
      try {
        for (const target of wanted) {
          try {
            const image = await buildOne(target, planning, memory.layers, { ...options, startedAt }, context);
            images.push(image);
            if (image.smoke?.status === 'failed') fail(target, smokeFailure(image.smoke));
          } catch (thrown) {
            fail(target, asPublisherError(thrown));
            if (context.signal.aborted) break;
          }
        }
      } finally {
        await memory.close();
      }
    }
    const notes = images.flatMap((image) => image.notes);
    output.result({ images: images.map(shownImage), errors, notes }, images.map(describe));
    return exit;
  },
};

type Builder = Runtime['builder'];

interface Options {
  variant: string | undefined;
  runtime: string | undefined;
  to: { kind: 'registry' } | { kind: 'local' } | { kind: 'oci'; folder: string };
  tag: string | undefined;
  builder: Builder | undefined;
  smoke: boolean;
}

/** `smoke` only where it was asked for. */
type SmokedImage = BuiltImage & { smoke?: SmokeResult };

function readOptions({ arguments: given }: CommandContext): Options {
  const variant = given.text('variant');
  if (variant !== undefined && variant !== 'slim' && variant !== 'fat') {
    throw new PublisherError('usage', `--variant is slim or fat, not "${variant}".`);
  }
  const builder = given.text('builder');
  if (builder !== undefined && builder !== 'assemble' && builder !== 'buildkit') {
    throw new PublisherError('usage', `--builder is assemble or buildkit, not "${builder}".`);
  }
  const tag = given.text('tag');
  if (tag !== undefined && !isTag(tag)) throw new PublisherError('usage', `--tag "${tag}" is not a tag.`);
  const to = given.text('to') ?? 'registry';
  const runtime = given.text('runtime');
  const smoke = given.given('smoke');
  if (to === 'registry' || to === 'local') return { variant, runtime, tag, builder, smoke, to: { kind: to } };
  if (to.startsWith('oci:') && to.length > 4)
    return { variant, runtime, tag, builder, smoke, to: { kind: 'oci', folder: to.slice(4) } };
  throw new PublisherError('usage', `--to is \`registry\`, \`local\` or \`oci:DIR\`, not "${to}".`);
}

async function planningFor(short: string, context: CommandContext): Promise<Planning> {
  const id = context.arguments.text('id');
  if (id === undefined) return preparePlanning(context);
  const catalog: Catalog = await adHocCatalog(id, short, context.arguments.text('catalog'));
  return prepareServices(context, catalog);
}

/** The builder asked for makes the images of every runtime, whatever the catalog says. */
function withBuilder(planning: Planning, builder: Builder | undefined): Planning {
  if (builder === undefined) return planning;
  const runtimes = planning.catalog.runtimes.map((runtime) => ({ ...runtime, builder }));
  return { ...planning, catalog: { ...planning.catalog, runtimes } };
}

async function buildOne(
  target: PlannedTarget,
  planning: Planning,
  memory: LayerMemory,
  { to, tag, smoke, startedAt }: Options & { startedAt: number },
  context: CommandContext,
): Promise<SmokedImage> {
  const { services, owner } = planning;
  const request = requestOf(target);
  const localFolder = `images/${target.model.short}-${target.variant}`;
  const places: [ImageTarget, ...ImageTarget[]] =
    to.kind === 'registry'
      ? registryTargets(target, services, owner)
      : [await openLayout(to.kind === 'oci' ? to.folder : localFolder)];
  const image = await buildTo(target, places, planning, memory, { startedAt, context });
  const name = tag ?? (to.kind === 'registry' ? undefined : `${target.model.short}-${target.variant}`);
  if (name !== undefined) for (const place of places) await tagImage(place, image.digest, [name], context.signal);
  for (const note of image.notes) context.output.say(note);
  const localName = `hf-${target.model.short}:${target.variant}`;
  const loaded = to.kind === 'local' && (await deliverLocally(localFolder, image, localName, context));
  if (loaded) context.output.say(startHint(localName, request.inputs));
  const named = loaded ? { ...image, reference: localName, references: [localName] } : image;
  if (!smoke) return named;
  const where = to.kind === 'registry' ? 'registry' : loaded ? { engine: localName } : 'layout';
  return { ...named, smoke: await smokeFrom(where, request, image, planning, context) };
}

/** As the contract has it; the notes of all images stand beside them. */
function shownImage({ notes, ...image }: SmokedImage): Omit<SmokedImage, 'notes'> {
  return image;
}

function describe({ variant, runtime, reference, bytes, durationMs }: BuiltImage): string {
  const moved = `${formatBytes(bytes.uploaded)} uploaded, ${formatBytes(bytes.reused)} reused, ${(durationMs / 1000).toFixed(1)} s`;
  return `${variant} (${runtime}): ${reference} (${moved})`;
}
