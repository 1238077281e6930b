import { asPublisherError, type ExitCode, PublisherError } from '../../errors.ts';
import { destinations, runtimeRepository } from '../../plan/destinations.ts';
import { placesOf } from '../../publish/places.ts';
import type { PruneDecision, Removal } from '../../publish/prune/decide.ts';
import type { PruneOptions } from '../../publish/prune/facts.ts';
import { ageOf, applyPrune, planPrune } from '../../publish/prune/prune.ts';
import { formatBytes, plural, shortDigest } from '../../report/numbers.ts';
import type { Store } from '../../store/open.ts';
import { previewRepositories, staleRows } from '../../store/retention.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { type Planning, preparePlanning } from '../plan-context.ts';
import { openCommandLedger, openReadLedger, underLeases } from '../publish/ledger.ts';
import { openPlace } from '../publish/prepare.ts';

/** `{remove:[{repository,what,tag?,digest?,why,bytes}], keep:[{repository,tag,why}], bytes, applied, rows:[{table,rows}], errors, notes}`. */
export const prune: Command = {
  name: 'prune',
  summary: 'show, or remove, what nobody needs any more in the registries and the ledger',
  positionals: ['[SHORT]'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    apply: { type: 'boolean', description: 'remove it; without, nothing is changed' },
    pr: {
      type: 'string',
      multiple: true,
      placeholder: 'N',
      description: 'this pull request is closed; may be given again',
    },
    'previews-older-than': {
      type: 'string',
      placeholder: 'AGE',
      description: 'previews of open pull requests too, e.g. 30d',
    },
    keep: { type: 'string', placeholder: 'N', description: 'dated tags that stay for each target (default: 1)' },
    'older-than': {
      type: 'string',
      placeholder: 'AGE',
      description: 'build caches and rows of the ledger that were not used for this long (default: 30d)',
    },
    retired: { type: 'boolean', description: 'tags of targets that are gone from the catalog, immutable ones too' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details:
    'Bytes are those that the registry frees when it collects garbage. Exit code 3 when a repository could not be read.',
  async run(context) {
    const { arguments: given, output, signal } = context;
    const planning = await preparePlanning(context);
    const options = readOptions(context, planning.services.clock.now());
    const { settings } = planning.catalog;
    const { services } = planning;
    const applied = given.given('apply');
    const writing = applied ? await openCommandLedger(services) : null;
    const ledger = writing ?? (await openReadLedger(services));
    const total: PruneDecision = { remove: [], keep: [], bytes: 0 };
    const errors: { repository: string; code: string; message: string }[] = [];
    const notes: string[] = [];
    let exit: ExitCode = 0;
    try {
      const { store } = ledger;
      if (store === null) notes.push('A bot uses the ledger: only what tags tell by themselves is looked at.');
      const prepared = { db: store?.db ?? null, templates: settings.tags, options, signal };
      for (const repository of await repositoriesOf(planning, given.positionals[0], store)) {
        try {
          const target = openPlace(planning)(repository);
          const wanted = await planPrune(target, prepared);
          const facts = { services, commit: null, signal };
          const done =
            writing !== null && wanted.remove.length > 0
              ? await underLeases(writing, [repository], facts, ({ guard, signal: lost }) =>
                  applyPrune(target, wanted, { ...prepared, signal: lost }, guard),
                )
              : wanted;
          total.remove.push(...done.remove);
          total.keep.push(...done.keep);
          total.bytes += done.bytes;
        } catch (thrown) {
          const error = asPublisherError(thrown);
          errors.push({ repository, code: error.code, message: error.message });
          output.say(`${repository}: ${error.message}`);
          exit = error.exitCode > exit ? error.exitCode : exit;
          if (signal.aborted) break;
        }
      }
      const rows = store === null ? [] : await staleRows(store.db, new Date(options.before), { apply: applied });
      for (const note of notes) output.say(note);
      output.result({ ...total, remove: total.remove.map(shown), applied, rows, errors, notes }, [
        ...total.remove.map((removal) => `${applied ? 'removed' : 'would remove'} ${describe(removal)}`),
        ...total.keep.map(({ repository, tag, why }) => `kept ${repository}:${tag}: ${why}`),
        ...rows.map(
          ({ table, rows: count }) => `${applied ? 'removed' : 'would remove'} ${plural(count, 'row')} of ${table}`,
        ),
        `${formatBytes(total.bytes)} for the registries to free${applied ? '' : '; --apply removes'}`,
      ]);
    } finally {
      await ledger.close();
    }
    return exit;
  },
};

/** Every repository of the catalog's models and runtimes, and those that only the ledger knows previews in. */
async function repositoriesOf(
  { catalog, services, owner }: Planning,
  only: string | undefined,
  store: Store | null,
): Promise<string[]> {
  const models = catalog.models.filter(({ short }) => only === undefined || short === only);
  if (only !== undefined && models.length === 0) {
    throw new PublisherError('usage', `The catalog has no model \`${only}\`.`);
  }
  const { publishAllow } = services;
  const context = { owner, namespaceSuffix: '', publishAllow };
  const found = new Set<string>();
  for (const model of models) {
    for (const { repository } of placesOf(model, catalog.settings, context).places) found.add(repository);
    if (only !== undefined) continue;
    const runtime = runtimeRepository(
      destinations(model, catalog.settings, context),
      catalog.settings.project,
      context,
    );
    if (runtime.ok) found.add(runtime.repository);
  }
  if (only === undefined && store !== null) {
    // Of models that never came into this catalog; a ledger may hold other accounts', whose logins are not ours to use.
    const prefixes = [...found].map((repository) => repository.slice(0, repository.lastIndexOf('/') + 1));
    for (const repository of await previewRepositories(store.db)) {
      if (prefixes.some((prefix) => repository.startsWith(prefix))) found.add(repository);
    }
  }
  return [...found].sort();
}

function readOptions({ arguments: given }: CommandContext, now: number): PruneOptions {
  const pulls = given.list('pr').map((text) => whole(text, 'pr'));
  const previews = given.text('previews-older-than');
  return {
    pulls,
    previewsBefore: previews === undefined ? null : now - ageOf(previews, 'previews-older-than'),
    keep: whole(given.text('keep') ?? '1', 'keep'),
    before: now - ageOf(given.text('older-than') ?? '30d', 'older-than'),
    retired: given.given('retired'),
  };
}

function whole(text: string, flag: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new PublisherError('usage', `--${flag} is a whole number from 1, not "${text}".`);
}

/** Which builds pushed a manifest is between the plan and the ledger. */
function shown(removal: Removal) {
  if (removal.what === 'tag') return removal;
  const { builds: _, ...rest } = removal;
  return rest;
}

function describe(removal: Removal): string {
  const what = removal.what === 'tag' ? `:${removal.tag}` : `@${shortDigest(removal.digest)}`;
  return `${removal.repository}${what} (${removal.why}; ${formatBytes(removal.bytes)})`;
}
