import { expect, test } from 'vitest';
import { decidePrune, deletable, type PruneFacts } from '../../../../src/publish/prune/decide.ts';
import {
  bytesOnlyOf,
  livingSet,
  type ManifestNode,
  type RepositoryGraph,
} from '../../../../src/publish/prune/graph.ts';
import type { Digest } from '../../../../src/registry/types.ts';

const d = (letter: string): Digest => `sha256:${letter.repeat(64)}`;

/** Manifest letter → what hangs on it. */
type Shape = Record<string, { children?: string; blobs?: string; subject?: string; referrers?: string }>;

function graphOf(tags: Record<string, string>, shape: Shape): RepositoryGraph {
  const letters = (text = '') => [...text].map(d);
  const nodes = Object.entries(shape).map(([letter, { children, blobs = '', subject, referrers }]): ManifestNode => {
    const held = new Map([...blobs].map((blob) => [d(blob), 100] as const));
    return {
      digest: d(letter),
      size: 1,
      children: letters(children),
      blobs: held,
      subject: subject === undefined ? null : d(subject),
      referrers: letters(referrers),
    };
  });
  return {
    repository: 'registry.test/acme/hf-tiny',
    tags: new Map(Object.entries(tags).map(([tag, letter]) => [tag, d(letter)])),
    manifests: new Map(nodes.map((node) => [node.digest, node])),
  };
}

function facts(graph: RepositoryGraph, fields: Partial<PruneFacts> = {}): PruneFacts {
  const none = { tags: new Map(), spared: new Map(), digests: new Map(), current: new Set<string>() };
  return { graph, ...none, immutable: new Set(), wanted: new Set(), ...fields };
}
const going = (...tags: string[]) => new Map(tags.map((tag) => [tag, { why: 'because' }]));

const DEAD = { why: 'nobody waits', builds: [{ inputs: '1', destination: 'registry.test/acme/hf-tiny' }] };

const TWO_INDEXES: Shape = {
  a: { children: 'bc' },
  b: { blobs: '12' },
  c: { blobs: '13' },
  e: { children: 'cf' },
  f: { blobs: '14' },
};

test('an index keeps its children, and everything keeps what refers to it, under a tag or not', () => {
  const graph = graphOf(
    { v1: 'a', [`sha256-${'b'.repeat(64)}.sig`]: 'd' },
    { ...TWO_INDEXES, a: { children: 'bc', referrers: '7' }, d: {}, 7: { subject: 'a' }, 8: { subject: '7' } },
  );
  expect(livingSet(graph, [d('a')])).toEqual(new Set(['a', 'b', 'c', 'd', '7', '8'].map(d)));
});

test('bytes are those that nothing else reaches, each once', () => {
  const graph = graphOf({}, TWO_INDEXES);
  const removed = livingSet(graph, [d('e')]);
  expect(bytesOnlyOf(graph, removed, livingSet(graph, [d('a')]))).toBe(1 + 1 + 100);
  expect(bytesOnlyOf(graph, removed, new Set())).toBe(1 + 1 + 1 + 300);
});

test('a preview goes, and the published tag of the same digest stays', () => {
  const graph = graphOf({ 'pr-1-slim': 'a', 'v1-slim': 'a' }, TWO_INDEXES);
  const digests = new Map([[d('a'), DEAD]]);
  const decision = decidePrune(facts(graph, { tags: going('pr-1-slim'), digests }));
  expect(decision).toEqual({
    remove: [{ repository: graph.repository, what: 'tag', tag: 'pr-1-slim', digest: d('a'), why: 'because', bytes: 0 }],
    keep: [],
    bytes: 0,
  });
});

test('a manifest goes with its last preview, and its bytes are counted with the tag', () => {
  const graph = graphOf({ 'pr-1-slim': 'a', 'v1-slim': 'e' }, TWO_INDEXES);
  const digests = new Map([[d('a'), DEAD]]);
  const decision = decidePrune(facts(graph, { tags: going('pr-1-slim'), digests }));
  expect(decision.remove).toMatchObject([
    { what: 'tag', bytes: 1 + 1 + 100 },
    { what: 'manifest', bytes: 0, builds: DEAD.builds },
  ]);
  expect(decision.bytes).toBe(102);
});

test('a child of a living index is never deleted, neither is what a publication or a pull request counts on', () => {
  const graph = graphOf({ 'v1-slim': 'a' }, TWO_INDEXES);
  const digests = new Map(['b', 'c', 'e'].map((letter) => [d(letter), DEAD]));
  expect(decidePrune(facts(graph, { digests, wanted: new Set([d('e')]) })).remove).toEqual([]);
  expect(deletable(graph, d('c'), new Set())).toEqual([]);
});

test('immutable tags stay, except those of a retired target, and current ones stay whatever is asked', () => {
  const graph = graphOf({ i1: 'a', i2: 'a', now: 'a' }, TWO_INDEXES);
  const retired = { why: 'gone', evenImmutable: true };
  const tags = new Map([...going('i1'), ['i2', retired] as const, ['now', retired] as const]);
  const decision = decidePrune(facts(graph, { tags, immutable: new Set(['i1', 'i2']), current: new Set(['now']) }));
  expect(decision.remove.map((removal) => removal.what === 'tag' && removal.tag)).toEqual(['i2']);
  expect(decision.keep).toMatchObject([
    { tag: 'i1', why: 'it is immutable' },
    { tag: 'now', why: 'it belongs to a current publication' },
  ]);
});

test('what goes is deleted from the outside in, and leaves what others share', () => {
  const graph = graphOf(
    { 'v1-slim': 'e' },
    { ...TWO_INDEXES, a: { children: 'bc', referrers: '7' }, 7: { subject: 'a' } },
  );
  expect(deletable(graph, d('a'), new Set())).toEqual([d('7'), d('b'), d('a')]);
});
