import { like, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleModel } from '../../../src/publishing/settle-model.ts';
import type { TargetState } from '../../../src/report/types.ts';
import { currentPublications } from '../../../src/store/publications.ts';
import { modelPublications } from '../../../src/store/publishing.ts';
import { leases } from '../../../src/store/schema.ts';
import { type Asked, type Desk, startDesk } from '../../support/publishing/desk.ts';
import { buildFailed, notScanned, reviewReport } from '../../support/report/report.ts';

let desk: Desk;
beforeAll(async () => {
  desk = await startDesk();
});
afterAll(() => desk.close());

const job = { signal: new AbortController().signal, lastAttempt: false };

const settle = ({ branch, catalog, wanted, plan }: Asked, states: TargetState[], { context } = desk) =>
  settleModel(
    branch,
    catalog,
    wanted,
    { plan, unanswered: new Map(), report: reviewReport(states), pr: null, tagFields: {} },
    context,
    job,
  );

const tagsOf = ({ repository }: Asked) => repository.tags();
const recorded = ({ branch }: Asked) => currentPublications(desk.context.store.db, { catalog: branch.catalogId });

describe('the tags of a model', () => {
  test('move when every image of it passed, and what was published is recorded', async () => {
    const asked = await desk.ask('passed');
    const { row, published } = await settle(asked, await asked.built());
    expect([row.state, row.details.failure, published.length]).toEqual(['published', null, 2]);
    expect(await tagsOf(asked)).toEqual(expect.arrayContaining(['v1.2.3-slim', 'v1.2.3-fat', 'publisher-owner']));
    expect((await recorded(asked)).map(({ variant }) => variant)).toEqual(['fat', 'slim']);
  });

  test.each([
    ['failed', { build: buildFailed('The registry went away.'), scan: null, gate: null }, 'The registry went away.'],
    ['was not scanned', { scan: notScanned('no Trivy'), gate: null }, 'not scanned: no Trivy'],
  ])('stay where one image %s, also those of the others', async (how, instead, why) => {
    const asked = await desk.ask(`one-${how.replaceAll(' ', '-')}`);
    const states = await asked.built();
    const [kept, ...others] = states;
    if (kept === undefined || others.length === 0) throw new Error('one image is not enough');
    const { state, published } = await settle(asked, [kept, ...others.map((other) => ({ ...other, ...instead }))]);
    expect([state, published]).toEqual(['failed', []]);
    expect([await tagsOf(asked), await recorded(asked)]).toEqual([[], []]);
    const rows = await modelPublications(desk.context.store.db, asked.branch.catalogId);
    expect(rows.get(asked.wanted.short)?.details.failure).toContain(why);
  });

  test('move of the slim image alone where the fat one is not permitted', async () => {
    const asked = await desk.ask('denied');
    const states = (await asked.built()).map((one): TargetState => {
      if (one.target.variant === 'slim') return one;
      return { target: { ...one.target, action: 'skip', request: null }, build: null, scan: null, gate: null };
    });
    const { row } = await settle(asked, states);
    expect([row.state, row.details.failure]).toEqual(['published', null]);
    expect((await tagsOf(asked)).filter((tag) => /fat|slim/.test(tag)).every((tag) => tag.includes('slim'))).toBe(true);
    expect((await recorded(asked)).map(({ variant }) => variant)).toEqual(['slim']);
  });
});

/** What a later commit asks for: other inputs, so that nothing immutable is in its way. */
const changed = (state: TargetState): TargetState => {
  const { request } = state.target;
  if (request === null) throw new Error('nothing to build');
  const inputs = 'f'.repeat(64);
  return { ...state, target: { ...state.target, inputs, request: { ...request, key: inputs } } };
};

test('a publisher that was suspended after its last tag records nothing over what was published since', async () => {
  const asked = await desk.ask('suspended');
  const later: Asked = { ...asked, branch: asked.branch };
  const states = (await asked.built('second')).map(changed);
  const { store } = desk.context;
  let newer: string | null = null;
  const slow: Desk = {
    ...desk,
    context: {
      ...desk.context,
      store: {
        ...store,
        // Suspended right before it records, for longer than its leases last.
        async transaction(work) {
          if (newer === null) {
            const past = sql`clock_timestamp() - interval '1 second'`;
            await store.db.update(leases).set({ expiresAt: past }).where(like(leases.name, '%suspended'));
            later.branch = asked.look();
            newer = later.branch.head;
            expect((await settle(later, states)).state).toBe('published');
          }
          return store.transaction(work);
        },
      },
    },
  };
  const { state } = await settle(asked, await asked.built('first'), slow);
  expect([state, newer]).toEqual(['again', expect.any(String)]);
  expect((await recorded(asked)).map(({ inputs, commit }) => ({ inputs, commit }))).toEqual(
    states.map(({ target: { inputs } }) => ({ inputs, commit: newer })),
  );
  const rows = await modelPublications(store.db, asked.branch.catalogId);
  // It is looked at once more, with what is known by now.
  expect(rows.get('suspended')).toMatchObject({ state: 'pending', commit: newer });
});
