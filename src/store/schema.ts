import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  unique,
} from 'drizzle-orm/pg-core';

/**
 * The ledger's tables as Drizzle sees them. What creates them is `migrations.ts`; a test compares the two.
 * Times of bookkeeping come from the database, because several machines share it and their clocks differ.
 */
const publisher = pgSchema('publisher');

const bytes = (name: string) => bigint(name, { mode: 'number' });
const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const now = sql`now()`;

export const deliveries = publisher.table('deliveries', {
  id: text('id').primaryKey(),
  event: text('event').notNull(),
  action: text('action'),
  receivedAt: time('received_at').notNull().default(now),
  payloadDigest: text('payload_digest').notNull(),
});

export const reviews = publisher.table(
  'reviews',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    installationId: bytes('installation_id').notNull(),
    repoId: bytes('repo_id').notNull(),
    owner: text('owner').notNull(),
    repo: text('repo').notNull(),
    pr: integer('pr').notNull(),
    headSha: text('head_sha').notNull(),
    baseRef: text('base_ref').notNull(),
    baseSha: text('base_sha').notNull(),
    fork: boolean('fork').notNull(),
    state: text('state').notNull(),
    plan: jsonb('plan'),
    createdAt: time('created_at').notNull().default(now),
    updatedAt: time('updated_at').notNull().default(now),
    mergedAt: time('merged_at'),
  },
  (table) => [unique('reviews_head').on(table.repoId, table.pr, table.headSha)],
);

export const builds = publisher.table(
  'builds',
  {
    inputs: text('inputs').notNull(),
    destination: text('destination').notNull(),
    owner: text('owner').notNull(),
    state: text('state').notNull(),
    step: text('step'),
    bytesDone: bytes('bytes_done').notNull().default(0),
    bytesTotal: bytes('bytes_total').notNull().default(0),
    pace: jsonb('pace'),
    request: jsonb('request').notNull(),
    result: jsonb('result'),
    error: jsonb('error'),
    scan: jsonb('scan'),
    createdAt: time('created_at').notNull().default(now),
    updatedAt: time('updated_at').notNull().default(now),
    attempt: integer('attempt').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.inputs, table.destination] })],
);

export const runtimes = publisher.table(
  'runtimes',
  {
    key: text('key').notNull(),
    repository: text('repository').notNull(),
    owner: text('owner').notNull(),
    state: text('state').notNull(),
    request: jsonb('request').notNull(),
    reference: text('reference'),
    digest: text('digest'),
    error: jsonb('error'),
    createdAt: time('created_at').notNull().default(now),
    updatedAt: time('updated_at').notNull().default(now),
    attempt: integer('attempt').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.key, table.repository] })],
);

export const attachments = publisher.table(
  'attachments',
  {
    inputs: text('inputs').notNull(),
    destination: text('destination').notNull(),
    kind: text('kind').notNull(),
    repoId: bytes('repo_id').notNull(),
    pr: integer('pr').notNull(),
    headSha: text('head_sha').notNull(),
    checkName: text('check_name').notNull(),
  },
  (table) => [primaryKey({ columns: [table.inputs, table.destination, table.kind, table.repoId, table.pr] })],
);

export const layers = publisher.table(
  'layers',
  {
    path: text('path').notNull(),
    content: text('content').notNull(),
    format: integer('format').notNull(),
    layerDigest: text('layer_digest').notNull(),
    size: bytes('size').notNull(),
    createdAt: time('created_at').notNull().default(now),
    files: jsonb('files'),
  },
  (table) => [primaryKey({ columns: [table.path, table.content, table.format] })],
);

export const layerPlaces = publisher.table(
  'layer_places',
  {
    digest: text('digest').notNull(),
    repository: text('repository').notNull(),
    seenAt: time('seen_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.digest, table.repository] })],
);

export const scans = publisher.table(
  'scans',
  {
    digest: text('digest').notNull(),
    database: text('database').notNull(),
    result: jsonb('result').notNull(),
    scannedAt: time('scanned_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.digest, table.database] })],
);

export const commands = publisher.table('commands', {
  commentId: bytes('comment_id').primaryKey(),
  repoId: bytes('repo_id').notNull(),
  pr: integer('pr').notNull(),
  bodyDigest: text('body_digest').notNull(),
  handledAt: time('handled_at').notNull().default(now),
  outcome: text('outcome'),
});

export const approvals = publisher.table(
  'approvals',
  {
    repoId: bytes('repo_id').notNull(),
    pr: integer('pr').notNull(),
    headSha: text('head_sha').notNull(),
    login: text('login').notNull(),
    approvedAt: time('approved_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.repoId, table.pr, table.headSha] })],
);

export const publications = publisher.table(
  'publications',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    catalog: text('catalog').notNull(),
    owner: text('owner').notNull(),
    short: text('short').notNull(),
    model: text('model').notNull(),
    runtime: text('runtime').notNull(),
    variant: text('variant').notNull(),
    inputs: text('inputs').notNull(),
    digest: text('digest').notNull(),
    state: text('state').notNull(),
    details: jsonb('details').notNull(),
    publishedAt: time('published_at').notNull().default(now),
  },
  (table) => [
    unique('publications_catalog_short_runtime_variant_inputs_key').on(
      table.catalog,
      table.short,
      table.runtime,
      table.variant,
      table.inputs,
    ),
  ],
);

export const tagMoves = publisher.table('tag_moves', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  repository: text('repository').notNull(),
  tag: text('tag').notNull(),
  before: text('before'),
  after: text('after'),
  commit: text('commit'),
  movedAt: time('moved_at').notNull().default(now),
});

export const leases = publisher.table('leases', {
  name: text('name').primaryKey(),
  holder: text('holder').notNull(),
  fence: bytes('fence').notNull(),
  expiresAt: time('expires_at').notNull(),
});

export const repositories = publisher.table('repositories', {
  repository: text('repository').primaryKey(),
  catalog: text('catalog').notNull(),
  marked: boolean('marked').notNull().default(false),
  adopted: boolean('adopted').notNull().default(false),
  claimedAt: time('claimed_at').notNull().default(now),
});

export const previews = publisher.table(
  'previews',
  {
    repository: text('repository').notNull(),
    tag: text('tag').notNull(),
    digest: text('digest').notNull(),
    repoId: bytes('repo_id').notNull(),
    pr: integer('pr').notNull(),
    writtenAt: time('written_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.repository, table.tag] })],
);

export const mirrored = publisher.table(
  'mirrored',
  {
    source: text('source').notNull(),
    target: text('target').notNull(),
    digest: text('digest').notNull(),
    state: text('state').notNull(),
    details: jsonb('details').notNull(),
    verifiedAt: time('verified_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.source, table.target, table.digest] })],
);

export const publishing = publisher.table(
  'publishing',
  {
    catalog: text('catalog').notNull(),
    short: text('short').notNull(),
    state: text('state').notNull(),
    entry: text('entry').notNull(),
    commit: text('commit').notNull(),
    details: jsonb('details').notNull(),
    updatedAt: time('updated_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.catalog, table.short] })],
);

export const catalogs = publisher.table('catalogs', {
  catalog: text('catalog').primaryKey(),
  installationId: bytes('installation_id').notNull(),
  repoId: bytes('repo_id').notNull(),
  owner: text('owner').notNull(),
  repo: text('repo').notNull(),
  path: text('path').notNull(),
  state: jsonb('state').notNull(),
  servedUntil: time('served_until'),
  /** Head whose check is still in progress. */
  unfinished: text('unfinished'),
  updatedAt: time('updated_at').notNull().default(now),
});

export const watched = publisher.table(
  'watched',
  {
    catalog: text('catalog').notNull(),
    short: text('short').notNull(),
    state: jsonb('state').notNull(),
    told: text('told'),
    updatedAt: time('updated_at').notNull().default(now),
  },
  (table) => [primaryKey({ columns: [table.catalog, table.short] })],
);

export const releases = publisher.table(
  'releases',
  {
    catalog: text('catalog').notNull(),
    tag: text('tag').notNull(),
    options: jsonb('options').notNull(),
    state: text('state').notNull(),
    commit: text('commit'),
    plan: jsonb('plan'),
    snapshot: jsonb('snapshot'),
    error: text('error'),
    requestedAt: time('requested_at').notNull().default(now),
    publishedAt: time('published_at'),
    told: boolean('told').notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.catalog, table.tag] })],
);
