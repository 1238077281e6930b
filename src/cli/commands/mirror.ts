import type { ExitCode } from '../../errors.ts';
import { type MirrorOutcome, mirrorAll } from '../../publish/mirror/mirror-all.ts';
import type { MirrorContext } from '../../publish/mirror/mirror-image.ts';
import { createThrottle } from '../../publish/mirror/throttle.ts';
import { parseReference } from '../../registry/reference.ts';
import { formatBytes } from '../../report/numbers.ts';
import type { Store } from '../../store/open.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { type MirrorWork, mirrorWork } from '../mirror-work.ts';
import { type Planning, preparePlanning } from '../plan-context.ts';
import { openCommandLedger, openReadLedger } from '../publish/ledger.ts';

/** `{mirrors:[{source,target,digest,tags,state,differed,bytes:{moved,reused},error?}], problems, notes}`. */
export const mirror: Command = {
  name: 'mirror',
  summary: 'make the mirrors have what is published, with everything attached',
  positionals: ['[SHORT…]'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    check: { type: 'boolean', description: 'only say what differs' },
    force: { type: 'boolean', description: 'also move tags, and take repositories, that are at something of others' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details:
    'Without SHORT: every model of the catalog. Immutable tags are never moved. MIRROR_RATE bounds the bytes per second.\n' +
    'Exit codes: 1 when a mirror may not be written or something differs that was left so (with --check: anything), 3 when a registry failed.',
  async run(context) {
    const planning = await preparePlanning(context);
    const { services } = planning;
    const ledger = await (context.arguments.given('check') ? openReadLedger(services) : openCommandLedger(services));
    try {
      const notes: string[] = [];
      if (ledger.store === null) notes.push('A bot uses the ledger: what is published is what the registries say.');
      const work = await mirrorWork(planning, context.arguments.positionals, ledger.store, context.signal);
      notes.push(...work.notes);
      const problems = [...work.problems, ...work.errors.map(({ message }) => message)];
      for (const text of [...notes, ...problems]) context.output.say(text);
      const outcomes = await mirrorAll(
        work.requests,
        mirrorContext(planning, ledger.store, context),
        recorder(ledger.store, context),
      );
      context.output.result({ mirrors: outcomes.map(shownMirror), problems, notes }, outcomes.map(line));
      return mirrorExit(outcomes, work);
    } finally {
      await ledger.close();
    }
  },
};

export function mirrorContext(
  { services, owner }: Planning,
  store: Store | null,
  { arguments: given, signal }: CommandContext,
): MirrorContext {
  return {
    open: (repository) => services.target(parseReference(repository), owner),
    guard: async () => signal.throwIfAborted(),
    async wrote(repository, tag) {
      if (store === null) return null;
      const { lastWritten } = await import('../../store/tag-moves.ts');
      return lastWritten(store.db, repository, tag);
    },
    async recalls(repository, tag, digest) {
      if (store === null) return null;
      const { recalled } = await import('../../store/recalled.ts');
      return recalled(store.db, { repository, tag, digest });
    },
    async moved(move) {
      if (store === null) return;
      const { recordTagMove } = await import('../../store/tag-moves.ts');
      await recordTagMove(store.db, { ...move, commit: null });
    },
    catalog: null,
    db: store?.db ?? null,
    force: given.given('force'),
    check: given.given('check'),
    throttle: createThrottle(services.environment.mirrorRate, services.clock),
    signal,
  };
}

/** What was only looked at, and is as it should be, is worth remembering too. */
export function recorder(store: Store | null, { output }: CommandContext) {
  return async (outcome: MirrorOutcome) => {
    output.say(line(outcome));
    for (const difference of outcome.differed) output.say(`  ${difference}`);
    if (store === null) return;
    const { recordMirrored } = await import('../../store/mirrored.ts');
    await recordMirrored(store.db, outcome);
  };
}

export function shownMirror({ error, ...outcome }: MirrorOutcome) {
  return error === null ? outcome : { ...outcome, error: { code: error.code, message: error.message } };
}

function line({ target, digest, state, bytes }: MirrorOutcome): string {
  const moved = state === 'copied' ? ` (${formatBytes(bytes.moved)} moved, ${formatBytes(bytes.reused)} reused)` : '';
  return `${target}@${digest}: ${state}${moved}`;
}

export function mirrorExit(
  outcomes: readonly MirrorOutcome[],
  { problems, errors }: Pick<MirrorWork, 'problems' | 'errors'>,
): ExitCode {
  const codes = [...errors, ...outcomes.flatMap(({ error }) => error ?? [])].map((error) => error.exitCode);
  if (codes.includes(3)) return 3;
  const isLeft = outcomes.some(({ state }) => state === 'differs');
  if (isLeft || problems.length > 0) codes.push(1);
  return codes.includes(2) ? 2 : codes.includes(1) ? 1 : 0;
}
