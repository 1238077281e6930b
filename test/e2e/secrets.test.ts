import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { QUEUES } from '../../src/jobs/queues.ts';
import type { Logger } from '../../src/log.ts';
import { catalogOf, checkNamed, createTeam, entry, outcomes, type Pull, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type RegistryStandIn, startRegistry } from '../support/registry/index.ts';

const OPEN = 'acme/tiny-chat';
const GATED = 'acme/tiny-gated';
const PRIVATE = 'acme/tiny-private';

// With what encodings change: slashes, signs, spaces, quotes.
const HF_TOKEN = 'hf_canaryHubToken7QxZ/9+k';
const WEBHOOK = 'canary webhook/secret+"4dR"';
const PASSWORD = 'canary&registry/pass+word=8Yt?';
const IDENTITY = 'canary.identity/token+1Wq==';
const TRIVY = 'canary-trivy-token/5Gh+';

let world: World;
/** Logs in with an identity token. */
let second: RegistryStandIn;
const lines: string[] = [];
const secrets: Record<string, string> = { HF_TOKEN, WEBHOOK, PASSWORD, IDENTITY, TRIVY };
/** What somebody who wants them shown answers. */
let echo = '';

beforeAll(async () => {
  second = await startRegistry({ identityTokens: [IDENTITY], users: {} });
  const soon = { limit: 1, baseMs: 10, maxMs: 10 };
  world = await startWorld({
    models: [
      tinyModel({ id: OPEN }),
      tinyModel({ id: GATED, gated: 'manual' }),
      tinyModel({ id: PRIVATE, private: true }),
    ],
    hubTokens: { [HF_TOKEN]: [GATED, PRIVATE] },
    registry: { users: { robot: PASSWORD } },
    registryPassword: PASSWORD,
    webhookSecret: WEBHOOK,
    variables: { HF_TOKEN, TRIVY_TOKEN: TRIVY, HUB_ALLOW: 'acme=acme/*' },
    settings: ({ registry, settings }) => ({
      PUBLISH_ALLOW: `${settings.PUBLISH_ALLOW},acme=${second.host}/acme/*`,
      SOURCE_ALLOW: `${registry.host},acme=${registry.host}/base/**`,
    }),
    logger: capturing(lines),
    queue: {
      retries: { review: soon, build: soon, command: soon, conclude: { ...QUEUES.conclude, baseMs: 10, maxMs: 10 } },
    },
  });
  await addIdentity(world.settings.DOCKER_CONFIG ?? '');
  world.variables.PATH = await wordyTrivy(world.settings.HOME ?? '');
  secrets.KEY = world.github.privateKey;
  const plain = [HF_TOKEN, WEBHOOK, PASSWORD, IDENTITY, TRIVY, ...world.github.privateKey.split('\n').slice(1, 3)];
  const forms = plain.flatMap((secret) => [
    secret,
    base64(secret),
    encodeURIComponent(secret),
    base64(`robot:${secret}`),
  ]);
  echo = ['{authorization}', ...forms, `https://robot:${PASSWORD}@registry.example/x?token=${HF_TOKEN}`].join(' ');
});
afterAll(async () => {
  await world.close();
  await second.close();
});

test('no failure of anybody shows a secret, in logs, database, checks, comments nor images', {
  timeout: 90_000,
}, async () => {
  const pulls: Pull[] = [];
  const pull = async (name: string, models: string[], more: Partial<Record<'second', boolean>> = {}) => {
    const text = (list: string[]) =>
      more.second === true
        ? catalogOf(world, list)
            .replace('registries: {', `registries: {second: "${second.host}/{owner}", `)
            .replace('publish: {', 'publish: {second: true, ')
        : catalogOf(world, list);
    const { repo, id } = await createTeam(world, name, text([]));
    const opened = await world.github.openPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': text(models) },
    });
    const made = { repo, repoId: id, ...opened };
    pulls.push(made);
    await settle(world, world.bot.url);
    world.hub?.clearFaults();
    world.github.faults.clear();
    world.registry.faults.length = 0;
    second.faults.length = 0;
    return outcomes(await world.github.checks(repo, opened.headSha));
  };
  // So that what keeps messages short cuts a secret in two.
  const long = ` ${'x'.repeat(120)} `;

  // Hub: no facts, a token that is refused, no weights.
  world.hub?.fail({
    fault: { kind: 'status', status: 500, body: JSON.stringify({ error: echo }) },
    match: /tiny-chat/,
    times: 50,
  });
  expect((await pull('hub-500', [entry(OPEN, 'hub-500')]))['model-images']).toBe('failure');
  world.hub?.fail({
    fault: { kind: 'status', status: 403, headers: { 'x-error-message': header(echo) }, body: echo },
    match: /GET \/acme\/tiny-chat\/resolve/,
    times: 50,
  });
  expect((await pull('hub-403', [entry(OPEN, 'hub-403')]))['model-images']).toBe('failure');
  await pull('gated', [entry(GATED, 'gated'), entry(PRIVATE, 'private')]);

  // Registry: at the login, at a blob, at the manifest; under a password and under an identity token.
  for (const [status, path] of [
    [401, /^\/auth\/token$/],
    [403, /hf-.*\/blobs\/uploads/],
    [500, /hf-.*\/manifests/],
    [429, /base\/runtime\/manifests/],
  ] as const) {
    const message = status === 403 ? long + echo : echo;
    for (const { faults } of [world.registry, second]) {
      faults.push({
        kind: 'status',
        status,
        path,
        times: 200,
        message,
        ...(status === 429 ? { retryAfter: '0' } : {}),
      });
    }
    const seen = await pull(`registry-${status}`, [entry(OPEN, `registry-${status}`)], { second: true });
    expect(seen['model-images'], String(status)).toBe('failure');
  }

  // GitHub: at the first look, at a check, at the comment.
  const answer = { status: 500, body: { message: echo } };
  world.github.faults.add({ path: /\/pulls\/\d+$/, times: 1, answer });
  world.github.faults.add({ path: /\/check-runs/, times: 2, answer });
  world.github.faults.add({ path: /\/comments/, times: 1, answer: { ...answer, status: 422 } });
  await pull('github', [entry(OPEN, 'github')]);

  // Trivy says all it was told, in every one of them that got so far.
  const scanned = await pull('trivy', [entry(OPEN, 'trivy')], { second: true });
  expect(scanned).toMatchObject({ 'trivy · slim': 'success', 'model-images': 'failure' });

  const shown: string[] = [...lines];
  for (const { repo, number, headSha } of pulls) {
    shown.push(JSON.stringify(await world.github.checks(repo, headSha)));
    shown.push(JSON.stringify(await world.github.comments(repo, number)));
  }
  const reason = checkNamed(
    await world.github.checks({ owner: 'acme', name: 'trivy' }, pulls.at(-1)?.headSha ?? ''),
    'scan',
  );
  expect(reason.title).toMatch(/Not scanned/);
  for (const { storage } of [world.registry, second]) {
    for (const blob of storage.blobs.values()) shown.push(blob.toString('latin1'));
    for (const { manifests } of storage.repositories.values()) {
      for (const { bytes } of manifests.values()) shown.push(Buffer.from(bytes).toString());
    }
  }
  await world.bot.stop();
  shown.push(await dump(join(world.settings.DATA_DIR ?? '', 'pg')));
  expect(lines.length).toBeGreaterThan(50);
  for (const text of shown) expect(secretIn(text)).toBeNull();
});

/** The first secret found in a text in some form, with its surroundings. */
function secretIn(text: string): string | null {
  for (const [name, secret] of Object.entries(secrets)) {
    const parts = secret.includes('\n')
      ? secret.split('\n').filter((line) => line.length > 30 && !line.startsWith('--'))
      : [secret];
    for (const part of parts) {
      const aligned = ['', 'x', 'xx', 'robot:'].map((before) =>
        base64(before + part).slice(before === '' ? 0 : 4 * Math.ceil(before.length / 3), -4),
      );
      const forms = [part, JSON.stringify(part).slice(1, -1), encodeURIComponent(part), ...aligned];
      // What is cut off in the middle is a secret still.
      for (const form of [...forms, part.slice(0, 16)]) {
        const at = text.indexOf(form);
        if (at >= 0) return `${name} as ${form}: …${text.slice(Math.max(0, at - 200), at + 60)}`;
      }
    }
  }
  return null;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const header = (text: string) => text.replace(/[^\x20-\x7e]/g, '').slice(0, 900);

function capturing(into: string[]): Logger {
  const write = (fields: object, message: string) => {
    const errors = Object.values(fields).map((value) =>
      value instanceof Error ? `${value.stack} ${String(value.cause)}` : '',
    );
    into.push(JSON.stringify([fields, errors, message]));
  };
  return { debug: write, info: write, warn: write, error: write };
}

/** Every row of the ledger and the queue. */
async function dump(folder: string): Promise<string> {
  const db = await PGlite.create(folder);
  try {
    const tables = await db.query<{ name: string }>(
      "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname IN ('publisher', 'pgboss')",
    );
    expect(tables.rows.length).toBeGreaterThan(8);
    const rows: string[] = [];
    for (const { name } of tables.rows) rows.push(JSON.stringify((await db.query(`SELECT * FROM ${name}`)).rows));
    return rows.join('\n');
  } finally {
    await db.close();
  }
}

/** The second registry's entry in Docker's configuration, beside the first's. */
async function addIdentity(folder: string): Promise<void> {
  const path = join(folder, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8'));
  config.auths[second.host] = { auth: base64('<token>:'), identitytoken: IDENTITY };
  await writeFile(path, JSON.stringify(config));
}

/** A PATH with a Trivy that tells its whole environment and configuration before it fails. */
async function wordyTrivy(home: string): Promise<string> {
  const folder = join(home, 'bin');
  await mkdir(folder, { recursive: true });
  const script = [
    '#!/bin/sh',
    'case "$*" in *version*) echo \'{"Version":"0.69.3"}\'; exit 0;; esac',
    'env >&2; env',
    'cat "$DOCKER_CONFIG/config.json" >&2',
    'echo "FATAL $(cat "$DOCKER_CONFIG/config.json") $(env | tr "\\n" " ")" >&2',
    'exit 1',
  ];
  await writeFile(join(folder, 'trivy'), `${script.join('\n')}\n`);
  await chmod(join(folder, 'trivy'), 0o755);
  return `${folder}:/usr/bin:/bin`;
}
