import type { ExitCode } from '../../errors.ts';
import { PublisherError } from '../../errors.ts';
import { silentLogger } from '../../log.ts';
import { plural } from '../../report/numbers.ts';
import { createScanner } from '../../scan/scanner.ts';
import type { ScanResult } from '../../scan/types.ts';
import { openStore, type Store } from '../../store/open.ts';
import { currentPublications } from '../../store/publications.ts';
import { isGrave } from '../../watch/compare.ts';
import { imagesOf } from '../../watch/images.ts';
import { rescanModel } from '../../watch/rescan.ts';
import type { ImageToScan, RescannedImage, ScanSubject } from '../../watch/types.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { type Planning, planFor, preparePlanning } from '../plan-context.ts';
import { openPlace } from '../publish/prepare.ts';

/** What is rescanned, by the catalog that published it. */
type Round = Map<string, ImageToScan[]>;

/** `{images:[{short,runtime,variant,reference,digest,status,reason,appeared,gone,summary}]}`. */
export const rescan: Command = {
  name: 'rescan',
  summary: 'scan what is published again, and tell what appeared since the last scan',
  positionals: ['[SHORT]'],
  flags: { ...CATALOG_FLAG, ...OWNER_FLAG, verbose: { type: 'boolean', description: 'say more on stderr' } },
  details:
    'Looks at what the ledger says is published, or, where it says nothing, at the tags that the catalog plans. Exit codes: 1 when something critical or high appeared that the catalog does not ignore, 3 when an image was not scanned.',
  async run(context) {
    const { output, signal } = context;
    const [only] = context.arguments.positionals;
    const planning = await preparePlanning(context);
    const { services, catalog } = planning;
    const { databaseUrl, dataDir } = services.environment;
    const store = await openStore(databaseUrl === null ? { dataDir } : { databaseUrl }, { logger: silentLogger });
    try {
      const round = (await fromLedger(store, planning, only)) ?? (await fromRegistry(planning, only, context));
      const parts = { store, scan: createScanner(services, context.variables), clock: services.clock, signal };
      const scanned = new Map<string, ScanResult>();
      const images: RescannedImage[] = [];
      for (const [id, all] of round) {
        for (const short of new Set(all.map((image) => image.short))) {
          const model = { catalog: id, short, images: all.filter((image) => image.short === short) };
          images.push(...(await rescanModel(model, catalog.settings.scan, scanned, parts)));
        }
      }
      if (images.length === 0) output.say('Nothing is published that could be scanned.');
      output.result({ images }, images.flatMap(describe));
      return exitOf(images);
    } finally {
      await store.close();
    }
  },
};

/** What the ledger says is published of the catalog's models; null where it says nothing. */
async function fromLedger(store: Store, { catalog }: Planning, only: string | undefined): Promise<Round | null> {
  const known = new Set(catalog.models.map(({ short }) => short));
  if (only !== undefined && !known.has(only)) {
    throw new PublisherError('usage', `The catalog has no model \`${only}\`.`);
  }
  const current = await currentPublications(store.db, only === undefined ? {} : { short: only });
  const mine = current.filter(({ short }) => known.has(short));
  if (mine.length === 0) return null;
  const ids = new Set(mine.map((publication) => publication.catalog));
  return new Map([...ids].map((id) => [id, imagesOf(mine.filter((publication) => publication.catalog === id))]));
}

/** The images that are under the tags which the catalog plans. */
async function fromRegistry(planning: Planning, only: string | undefined, context: CommandContext): Promise<Round> {
  const plan = await planFor(planning, only === undefined ? {} : { only }, context);
  const found: { image: ImageToScan; base: string | null }[] = [];
  for (const { model, runtime, variant, repository, tags, platforms, inputs, base } of plan.targets) {
    const [tag] = tags;
    if (repository === null || tag === undefined || repository.includes('{owner}')) continue;
    const head = await openPlace(planning)(repository).head(tag, { signal: context.signal });
    if (head === null) continue;
    const { digest } = head;
    const reference = `${repository}@${digest}`;
    const subject: ScanSubject = { digest, reference, platforms, owner: planning.owner, inputs };
    found.push({ image: { short: model.short, runtime, variant, digest, reference, subject }, base: base.digest });
  }
  const images = found.map(({ image, base }) => {
    const slim = found.find(
      (other) =>
        other.image.variant === 'slim' &&
        other.image.short === image.short &&
        other.image.runtime === image.runtime &&
        other.base === base,
    );
    return slim === undefined ? image : { ...image, subject: slim.image.subject };
  });
  return new Map([['cli', images]]);
}

function exitOf(images: readonly RescannedImage[]): ExitCode {
  if (images.some(({ status }) => status === 'not-scanned')) return 3;
  return images.some(({ appeared }) => appeared.some(isGrave)) ? 1 : 0;
}

function describe({ reference, variant, runtime, status, reason, appeared, gone }: RescannedImage): string[] {
  const name = `${reference} (${variant}, ${runtime})`;
  if (status === 'not-scanned') return [`${name}: not scanned: ${reason ?? 'unknown'}`];
  return [
    `${name}: ${plural(appeared.length, 'finding')} appeared, ${gone.length} gone`,
    ...appeared.map(
      ({ id, severity, package: where, installed, fixed }) =>
        `  ${severity} ${id} ${where} ${installed}${fixed === null ? '' : ` (fixed in ${fixed})`}`,
    ),
  ];
}
