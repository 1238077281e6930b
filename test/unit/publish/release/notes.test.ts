import { expect, test } from 'vitest';
import { releaseNotes, withNotes } from '../../../../src/publish/release/notes.ts';
import { changesBetween, type ReleasedImage, type Snapshot } from '../../../../src/publish/release/snapshot.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const image = (short: string, fields: Partial<ReleasedImage> = {}): ReleasedImage => ({
  short,
  model: `acme/${short}`,
  runtime: 'default',
  variant: 'slim',
  revision: 'a'.repeat(40),
  base: { reference: 'vllm/vllm-openai:v0.12.0', digest: digest('b') },
  digest: digest('c'),
  repositories: [`ghcr.io/acme/hf-${short}`],
  tags: ['1.0.0-slim', '1.0-slim'],
  ...fields,
});
const snapshot = (...images: ReleasedImage[]): Snapshot => ({ images, runtimes: [] });
const hub = 'https://huggingface.co';
const notes = (before: Snapshot | null, after: Snapshot) =>
  releaseNotes({ previous: before === null ? null : { tag: 'v0.9.0', snapshot: before }, snapshot: after, hub });

test('models added, updated with a compare link, removed, and bases bumped are told', () => {
  const bumped = { reference: 'vllm/vllm-openai:v0.13.0', digest: digest('d') };
  const before = snapshot(image('kept'), image('moved'), image('gone'));
  const after = snapshot(
    image('kept', { base: bumped }),
    image('moved', { base: bumped, revision: 'e'.repeat(40) }),
    image('moved', { base: bumped, revision: 'e'.repeat(40), variant: 'fat' }),
    image('new', { base: bumped }),
  );
  const text = notes(before, after);
  expect(text).toContain('Since `v0.9.0`:');
  expect(text).toContain('### Added\n\n- `new`: [acme/new](https://huggingface.co/acme/new) at `aaaaaaaaaaaa`');
  expect(text).toContain(
    `- \`moved\`: \`aaaaaaaaaaaa\` → \`eeeeeeeeeeee\` ([compare](${hub}/acme/moved/compare/${'a'.repeat(40)}..${'e'.repeat(40)}))`,
  );
  expect(text).toContain('### Removed\n\n- `gone`');
  expect(text.match(/v0\.12\.0/g)).toHaveLength(1);
  expect(text).toContain('`vllm/vllm-openai:v0.12.0` at `sha256:bbbbbbbbbbbb` → `vllm/vllm-openai:v0.13.0`');
  expect(text).toContain('`kept` slim on `default`: `ghcr.io/acme/hf-kept:1.0.0-slim` at `sha256:');
});

test('the first release adds everything, one without changes says so', () => {
  expect(notes(null, snapshot(image('a')))).toMatch(/The first release\.[\s\S]*### Added/);
  expect(notes(snapshot(image('a')), snapshot(image('a')))).toContain('No model and no base changed.');
});

test('another Hub repository under the same name is an update without a compare link', () => {
  const text = notes(snapshot(image('a')), snapshot(image('a', { model: 'other/a' })));
  expect(text).toContain('### Updated');
  expect(text).not.toContain('compare');
});

test('what comes from outside does nothing in the notes', () => {
  const evil = image('x', {
    model: 'acme/@everyone<img>',
    base: { reference: 'host/`x`\n# heading', digest: digest('b') },
    repositories: ['host/a`b'],
  });
  const text = notes(snapshot(image('x')), snapshot(evil));
  expect(text).not.toContain('<img>');
  expect(text).not.toMatch(/^# heading/m);
  expect(text).not.toMatch(/[^/]@everyone/);
});

test('a catalog of thousands fits into a release', () => {
  const images = Array.from({ length: 3000 }, (_, n) => image(`model-${n}`));
  expect(notes(null, snapshot(...images)).length).toBeLessThan(120_000);
});

test('the author’s text stays, notes written before are replaced', () => {
  const first = withNotes('Hello\n', 'one');
  expect(first.startsWith('Hello\n\n<!--')).toBe(true);
  const second = withNotes(`${first}\nBye`, 'two');
  expect(second).toMatch(/^Hello\n[\s\S]*two[\s\S]*Bye$/);
  expect(second).not.toContain('one');
  expect(withNotes('', 'one').startsWith('<!--')).toBe(true);
});

test('variants and runtimes of one model are one change', () => {
  const changes = changesBetween(
    null,
    snapshot(image('a'), image('a', { variant: 'fat' }), image('a', { runtime: 'cpu' })),
  );
  expect(changes.added).toHaveLength(1);
});
