/** One step of the ledger's history. Never edited once released: a later step corrects an earlier one. */
export interface Migration {
  version: number;
  name: string;
  statements: string[];
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'ledger',
    statements: [
      `CREATE TABLE publisher.deliveries (
        id text PRIMARY KEY,
        event text NOT NULL,
        action text,
        received_at timestamptz NOT NULL DEFAULT now(),
        payload_digest text NOT NULL
      )`,
      `CREATE INDEX deliveries_received ON publisher.deliveries (received_at)`,
      `CREATE TABLE publisher.reviews (
        id bigserial PRIMARY KEY,
        installation_id bigint NOT NULL,
        repo_id bigint NOT NULL,
        owner text NOT NULL,
        repo text NOT NULL,
        pr integer NOT NULL,
        head_sha text NOT NULL,
        base_ref text NOT NULL,
        base_sha text NOT NULL,
        fork boolean NOT NULL,
        state text NOT NULL,
        plan jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT reviews_head UNIQUE (repo_id, pr, head_sha)
      )`,
      `CREATE TABLE publisher.builds (
        inputs text NOT NULL,
        destination text NOT NULL,
        owner text NOT NULL,
        state text NOT NULL,
        step text,
        bytes_done bigint NOT NULL DEFAULT 0,
        bytes_total bigint NOT NULL DEFAULT 0,
        request jsonb NOT NULL,
        result jsonb,
        error jsonb,
        scan jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        attempt integer NOT NULL DEFAULT 0,
        PRIMARY KEY (inputs, destination)
      )`,
      `CREATE INDEX builds_owner ON publisher.builds (owner, updated_at)`,
      `CREATE TABLE publisher.attachments (
        inputs text NOT NULL,
        destination text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('pull-request', 'publication')),
        repo_id bigint NOT NULL,
        pr integer NOT NULL,
        head_sha text NOT NULL,
        check_name text NOT NULL,
        PRIMARY KEY (inputs, destination, kind, repo_id, pr)
      )`,
      `CREATE INDEX attachments_pull ON publisher.attachments (repo_id, pr)`,
      `CREATE TABLE publisher.layers (
        path text NOT NULL,
        content text NOT NULL CHECK (content ~ '^(sha256|git|layer):'),
        format integer NOT NULL,
        layer_digest text NOT NULL,
        size bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (path, content, format)
      )`,
      `CREATE TABLE publisher.scans (
        digest text NOT NULL,
        database text NOT NULL,
        result jsonb NOT NULL,
        scanned_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (digest, database)
      )`,
      `CREATE TABLE publisher.commands (
        comment_id bigint PRIMARY KEY,
        repo_id bigint NOT NULL,
        pr integer NOT NULL,
        body_digest text NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT now(),
        outcome text
      )`,
    ],
  },
  {
    version: 2,
    name: 'approvals',
    statements: [
      `CREATE INDEX deliveries_payload ON publisher.deliveries (payload_digest)`,
      `CREATE TABLE publisher.approvals (
        repo_id bigint NOT NULL,
        pr integer NOT NULL,
        head_sha text NOT NULL,
        login text NOT NULL,
        approved_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (repo_id, pr, head_sha)
      )`,
    ],
  },
  {
    version: 3,
    name: 'layer places, pace of builds',
    statements: [
      `CREATE TABLE publisher.layer_places (
        digest text NOT NULL,
        repository text NOT NULL,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (digest, repository)
      )`,
      `ALTER TABLE publisher.builds ADD COLUMN pace jsonb`,
    ],
  },
  {
    version: 4,
    name: 'hashes of shards',
    statements: [`ALTER TABLE publisher.layers ADD COLUMN files jsonb`],
  },
  {
    version: 5,
    name: 'runtime images',
    statements: [
      `CREATE TABLE publisher.runtimes (
        key text NOT NULL,
        repository text NOT NULL,
        owner text NOT NULL,
        state text NOT NULL,
        request jsonb NOT NULL,
        reference text,
        digest text,
        error jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        attempt integer NOT NULL DEFAULT 0,
        PRIMARY KEY (key, repository)
      )`,
    ],
  },
  {
    version: 6,
    name: 'publications',
    statements: [
      `CREATE TABLE publisher.publications (
        id bigserial PRIMARY KEY,
        catalog text NOT NULL,
        owner text NOT NULL,
        short text NOT NULL,
        model text NOT NULL,
        runtime text NOT NULL,
        variant text NOT NULL,
        inputs text NOT NULL,
        digest text NOT NULL,
        state text NOT NULL,
        details jsonb NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (catalog, short, runtime, variant, inputs)
      )`,
      `CREATE INDEX publications_digest ON publisher.publications (digest)`,
      `CREATE TABLE publisher.tag_moves (
        id bigserial PRIMARY KEY,
        repository text NOT NULL,
        tag text NOT NULL,
        before text,
        after text,
        commit text,
        moved_at timestamptz NOT NULL DEFAULT now()
      )`,
      `CREATE INDEX tag_moves_tag ON publisher.tag_moves (repository, tag, id)`,
      `CREATE TABLE publisher.leases (
        name text PRIMARY KEY,
        holder text NOT NULL,
        fence bigint NOT NULL,
        expires_at timestamptz NOT NULL
      )`,
      `CREATE TABLE publisher.repositories (
        repository text PRIMARY KEY,
        catalog text NOT NULL,
        marked boolean NOT NULL DEFAULT false,
        adopted boolean NOT NULL DEFAULT false,
        claimed_at timestamptz NOT NULL DEFAULT now()
      )`,
      `CREATE TABLE publisher.previews (
        repository text NOT NULL,
        tag text NOT NULL,
        digest text NOT NULL,
        repo_id bigint NOT NULL,
        pr integer NOT NULL,
        written_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (repository, tag)
      )`,
      `CREATE INDEX previews_pull ON publisher.previews (repo_id, pr)`,
      `CREATE TABLE publisher.mirrored (
        source text NOT NULL,
        target text NOT NULL,
        digest text NOT NULL,
        state text NOT NULL,
        details jsonb NOT NULL,
        verified_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (source, target, digest)
      )`,
      `CREATE TABLE publisher.publishing (
        catalog text NOT NULL,
        short text NOT NULL,
        state text NOT NULL,
        entry text NOT NULL,
        commit text NOT NULL,
        details jsonb NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (catalog, short)
      )`,
      `ALTER TABLE publisher.reviews ADD COLUMN merged_at timestamptz`,
      `CREATE TABLE publisher.catalogs (
        catalog text PRIMARY KEY,
        installation_id bigint NOT NULL,
        repo_id bigint NOT NULL,
        owner text NOT NULL,
        repo text NOT NULL,
        path text NOT NULL,
        state jsonb NOT NULL,
        served_until timestamptz,
        unfinished text,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`,
      `CREATE TABLE publisher.watched (
        catalog text NOT NULL,
        short text NOT NULL,
        state jsonb NOT NULL,
        told text,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (catalog, short)
      )`,
      `ALTER TABLE publisher.attachments DROP CONSTRAINT attachments_kind_check`,
      `ALTER TABLE publisher.attachments ADD CONSTRAINT attachments_kind_check CHECK (kind IN ('pull-request', 'publication', 'release'))`,
      `CREATE TABLE publisher.releases (
        catalog text NOT NULL,
        tag text NOT NULL,
        options jsonb NOT NULL,
        state text NOT NULL,
        commit text,
        plan jsonb,
        snapshot jsonb,
        error text,
        requested_at timestamptz NOT NULL DEFAULT now(),
        published_at timestamptz,
        told boolean NOT NULL DEFAULT false,
        PRIMARY KEY (catalog, tag)
      )`,
    ],
  },
];
