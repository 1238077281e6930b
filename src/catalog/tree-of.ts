import { isAlias, isMap, isNode, isPair, isScalar, isSeq, type Pair, Scalar, type YAMLMap } from 'yaml';
import type { Source } from './text.ts';
import { type Entry, formatPath, type ListTree, type MapTree, type ScalarTree, show, type Tree } from './tree.ts';
import type { Problem } from './types.ts';

/** A catalog needs seven levels. */
export const MAX_DEPTH = 64;
/** Values with all aliases written out. 1 MiB without aliases has fewer, ten thousand models about a fifth. */
const MAX_NODES = 1_000_000;

interface Context {
  source: Source;
  anchors: Map<string, Tree>;
  problems: Problem[];
  /** Entries taken over by merge keys, in the whole document. */
  merged: number;
}

/**
 * A composed YAML node as a tree, with the problems found on the way: duplicate and odd keys, aliases that go too far. The tree is
 * null when writing out its aliases would exhaust the machine.
 */
export function treeOf(root: unknown, source: Source): { tree: Tree | null; problems: Problem[] } {
  const context: Context = { source, anchors: new Map(), problems: [], merged: 0 };
  const tree = convert(root, [], 0, context);
  const tooLarge = Math.max(tree.nodes, context.merged) > MAX_NODES;
  if (tooLarge || tree.height > MAX_DEPTH) {
    const what = tooLarge ? `holds more than ${MAX_NODES} values` : `is nested more than ${MAX_DEPTH} levels deep`;
    // Whatever else is wrong was found in values that nobody wrote one by one.
    return {
      tree: empty(0),
      problems: [source.problem(0, '', `the catalog ${what} once its aliases are written out`)],
    };
  }
  return { tree, problems: context.problems };
}

type Path = (string | number)[];

function convert(node: unknown, path: Path, start: number, context: Context): Tree {
  if (path.length > MAX_DEPTH) {
    report(context, start, path, `the catalog is nested more than ${MAX_DEPTH} levels deep`);
    return empty(start);
  }
  if (!isNode(node)) return empty(start);
  const at = node.range?.[0] ?? start;
  if (isAlias(node)) {
    const target = context.anchors.get(node.source);
    if (target === undefined) {
      report(context, at, path, `there is no anchor &${node.source.slice(0, 60)} before this alias`);
    }
    return target ?? empty(at);
  }
  const tree = isMap(node)
    ? convertMap(node, path, at, context)
    : isSeq(node)
      ? convertList(node.items, path, at, context)
      : isScalar(node)
        ? convertScalar(node, at)
        : empty(at);
  if (node.anchor !== undefined) context.anchors.set(node.anchor, tree);
  return tree;
}

function convertScalar({ value, source }: Scalar, start: number): ScalarTree {
  const plain = value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';
  // Dates and big integers of other YAML schemas: their text is what a message needs.
  const text = source ?? String(value);
  return { kind: 'scalar', start, nodes: 1, height: 0, source: text, value: plain ? value : text };
}

function convertList(list: unknown[], path: Path, start: number, context: Context): ListTree {
  const items = list.map((item, index) => {
    if (isPair(item)) report(context, start, [...path, index], 'must be a value, not a single key of an ordered map');
    return convert(item, [...path, index], start, context);
  });
  return { kind: 'list', start, items, ...sizeOf(items) };
}

function convertMap(map: YAMLMap<unknown, unknown>, path: Path, start: number, context: Context): MapTree {
  const own = new Map<string, Entry>();
  const merged = new Map<string, Entry>();
  for (const pair of map.items) {
    const keyStart = startOf(pair.key) ?? start;
    if (isMergeKey(pair)) {
      merge(convert(pair.value, path, keyStart, context), merged, keyStart, path, context);
      continue;
    }
    const key = keyOf(pair, keyStart, path, own, context);
    const value = convert(pair.value, [...path, key ?? '?'], keyStart, context);
    if (key !== null) own.set(key, { keyStart, value });
  }
  for (const [key, entry] of merged) if (!own.has(key)) own.set(key, entry);
  return { kind: 'map', start, entries: own, ...sizeOf([...own.values()].map(({ value }) => value)) };
}

/** The key as text, or null after reporting why it cannot be one. */
function keyOf(
  { key }: Pair<unknown, unknown>,
  keyStart: number,
  path: Path,
  own: Map<string, Entry>,
  context: Context,
): string | null {
  const aliased = isAlias(key) ? context.anchors.get(key.source) : undefined;
  const value = isScalar(key) ? key.value : aliased?.kind === 'scalar' ? aliased.value : undefined;
  if (typeof value !== 'string') {
    const written = isScalar(key) ? (key.source ?? '') : '';
    const hint = written === '' ? '' : `; put it in quotes: "${written.slice(0, 60)}"`;
    report(context, keyStart, path, `a key must be text${hint}`);
    return null;
  }
  if (value === '__proto__') {
    report(context, keyStart, [...path, value], 'unknown key `__proto__`');
    return null;
  }
  const earlier = own.get(value);
  if (earlier === undefined) return value;
  const { line } = context.source.position(earlier.keyStart);
  report(context, keyStart, [...path, value], `the key ${show(value)} is already on line ${line}; keep one`);
  return null;
}

/** YAML 1.1 "Merge Key": a plain `<<`, whose map or maps fill in what is not given, the earlier before the later. */
function isMergeKey({ key }: Pair<unknown, unknown>): boolean {
  if (!isScalar(key)) return false;
  // `%YAML 1.1` has a symbol for it.
  return typeof key.value === 'symbol' || (key.value === '<<' && key.type === Scalar.PLAIN);
}

function merge(tree: Tree, into: Map<string, Entry>, keyStart: number, path: Path, context: Context): void {
  for (const source of tree.kind === 'list' ? tree.items : [tree]) {
    if (source.kind !== 'map') {
      report(
        context,
        keyStart,
        [...path, '<<'],
        '`<<` takes a map, or a list of maps, usually an alias such as *common',
      );
      return;
    }
    context.merged += source.entries.size;
    if (context.merged > MAX_NODES) return;
    for (const [key, entry] of source.entries) if (!into.has(key)) into.set(key, entry);
  }
}

function startOf(key: unknown): number | null {
  return isNode(key) ? (key.range?.[0] ?? null) : null;
}

function sizeOf(trees: Tree[]): { nodes: number; height: number } {
  let nodes = 1;
  let height = 0;
  for (const tree of trees) {
    nodes += tree.nodes;
    height = Math.max(height, tree.height + 1);
  }
  return { nodes, height };
}

function empty(start: number): ScalarTree {
  return { kind: 'scalar', start, nodes: 1, height: 0, source: '', value: null };
}

function report({ problems, source }: Context, offset: number, path: Path, message: string): void {
  problems.push(source.problem(offset, formatPath(path), message));
}
