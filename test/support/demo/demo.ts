import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { find } from '../../../src/exec.ts';
import { openLayout } from '../../../src/registry/layout.ts';
import type { CheckView } from '../github/index.ts';
import { tinyModel } from '../hub/tiny.ts';
import { copyImage } from './copy-image.ts';
import { until, untilConcluded } from './wait.ts';
import { REPO, startWorld, type World } from './world.ts';

export interface DemoOptions {
  /** The real Hub, and two small models of it. */
  live: boolean;
  /** File for the report, or null. */
  report: string | null;
  say: (line: string) => void;
  signal: AbortSignal;
}

export interface DemoReport {
  checks: { name: string; status: string; conclusion: string | null }[];
  comment: string;
  images: { variant: string; reference: string; digest: string; path: string }[];
  durationMs: number;
}

const STANDING = { open: 'acme/tiny-chat', gated: 'acme/tiny-gated' };
const LIVE = { open: 'HuggingFaceTB/SmolLM2-135M-Instruct', gated: 'google/gemma-3-270m-it' };
const FOLDER = '.demo/images';

/** A pull request with two models, one open and one gated; checks, comment, `/rebuild`, images on disk. */
export async function runDemo({ live, report, say, signal }: DemoOptions): Promise<DemoReport> {
  const startedAt = Date.now();
  const ids = live ? LIVE : STANDING;
  const trivy = await find('trivy');
  const world = await startWorld({
    models: [tinyModel({ id: STANDING.open }), tinyModel({ id: STANDING.gated, gated: 'manual' })],
    ...(live ? { hubEndpoint: 'https://huggingface.co' } : {}),
    // The stand-in registry holds no real packages: a missing Trivy is named, and does not fail the demo.
    variables: { SCAN: 'optional' },
  });
  try {
    say(
      `GitHub ${world.github.url}, Hub ${world.hub?.url ?? 'huggingface.co'}, registry ${world.registry.host}; the bot listens on ${world.bot.url}`,
    );
    say(trivy === null ? 'Trivy is not on PATH: the report will say that nothing was scanned.' : `Trivy: ${trivy}`);
    const result = await play(world, ids, say, signal);
    const document: DemoReport = { ...result, durationMs: Date.now() - startedAt };
    if (report !== null) await writeFile(report, `${JSON.stringify(document, null, 2)}\n`);
    return document;
  } finally {
    await world.close();
  }
}

async function play(
  world: World,
  ids: typeof LIVE,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Omit<DemoReport, 'durationMs'>> {
  const { github } = world;
  await github.createRepo(REPO, { files: { 'models.yaml': catalog(world, '') } });
  const { number, headSha } = await github.openPullRequest(REPO, {
    title: 'Add two models',
    branch: 'add-models',
    files: { 'models.yaml': catalog(world, entries(ids)) },
    author: 'maintainer',
  });
  say(`\nPull request #${number} adds ${ids.open} and ${ids.gated}.`);
  const show = { onChange: (checks: CheckView[]) => showChecks(checks, say), timeoutMs: 20 * 60_000, signal };
  await untilConcluded(github, REPO, headSha, show);

  say('\nA maintainer comments: /rebuild open');
  const id = await github.comment(REPO, number, 'maintainer', '/rebuild open');
  await until('the reaction to the comment', async () => {
    const comments = await github.comments(REPO, number);
    return comments.find((comment) => comment.id === id)?.reactions.includes('rocket') ? true : null;
  });
  say('The bot reacts with a rocket, and builds again.');
  await until('the rebuild to begin', async () => {
    const checks = await github.checks(REPO, headSha);
    return checks.some(({ name, status }) => name === 'model-images' && status !== 'completed') ? true : null;
  });
  const checks = await untilConcluded(github, REPO, headSha, show);
  await github.settled();
  const comment = (await github.comments(REPO, number)).find(({ author }) => author.endsWith('[bot]'))?.body ?? '';
  say(`\nThe comment on the pull request:\n\n${comment}`);
  const images = await keepImages(world, comment);
  say(`\n${images.map(({ variant, path, digest }) => `${variant}: ${path} (${digest})`).join('\n')}`);
  return { checks: checks.map(({ name, status, conclusion }) => ({ name, status, conclusion })), comment, images };
}

function catalog({ baseReference, registry }: World, models: string): string {
  const host = registry.host;
  return [
    'defaults:',
    `  base_image: "${baseReference}"`,
    '  platforms: [linux/amd64, linux/arm64]',
    `  registries: {local: "${host}/{owner}"}`,
    '  publish: {local: true}',
    models === '' ? 'models: []' : `models:\n${models}`,
    '',
  ].join('\n');
}

function entries({ open, gated }: typeof LIVE): string {
  return [
    `  - id: "${open}"`,
    '    short: "open"',
    '    serve_args: ["--max-model-len", "2048"]',
    `  - id: "${gated}"`,
    '    short: "gated"',
  ].join('\n');
}

/** Copies what the comment names out of the stand-in registry, which ends with the demo. */
async function keepImages(world: World, comment: string): Promise<DemoReport['images']> {
  await rm(FOLDER, { recursive: true, force: true });
  const images: DemoReport['images'] = [];
  for (const [, name = '', reference = ''] of comment.matchAll(/^- `([^`]+)`: `([^`]+)`$/gm)) {
    const [repository = '', digest = ''] = reference.split('@');
    const [short = '', variant = ''] = name.split(' ');
    const path = resolve(FOLDER, `${short}-${variant}`);
    const source = world.repository(repository.slice(repository.indexOf('/') + 1));
    await copyImage(source, openLayout(path), digest, `${short}-${variant}`);
    images.push({ variant, reference, digest, path });
  }
  return images;
}

function showChecks(checks: CheckView[], say: (line: string) => void): void {
  const mark = ({ status, conclusion }: CheckView) => (status === 'completed' ? (conclusion ?? '') : status);
  say(
    checks
      .map((check) => `  ${mark(check).padEnd(15)} ${check.name}: ${check.title ?? ''}`)
      .concat('')
      .join('\n'),
  );
}
