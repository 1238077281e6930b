/**
 * A YAML document as plain values that remember where they stand: aliases and merge keys are resolved, keys are text. An aliased
 * value is one object in several places, so a tree may be a DAG; `nodes` and `height` count it as if it were written out.
 */
export type Tree = MapTree | ListTree | ScalarTree;

interface Place {
  /** Offset of the value in the text. */
  start: number;
  /** Values inside, this one included, with aliases written out. */
  nodes: number;
  /** Levels below this one. */
  height: number;
}

export interface Entry {
  /** Offset of the key. */
  keyStart: number;
  value: Tree;
}

export interface MapTree extends Place {
  kind: 'map';
  entries: Map<string, Entry>;
}

export interface ListTree extends Place {
  kind: 'list';
  items: Tree[];
}

export interface ScalarTree extends Place {
  kind: 'scalar';
  value: string | number | boolean | null;
  /** As written, without quotes. */
  source: string;
}

/** The tree as plain data for the schema. Aliases stay shared. */
export function toPlain(tree: Tree, seen: Map<Tree, unknown> = new Map()): unknown {
  if (tree.kind === 'scalar') return tree.value;
  const known = seen.get(tree);
  if (known !== undefined) return known;
  const plain =
    tree.kind === 'list'
      ? tree.items.map((item) => toPlain(item, seen))
      : Object.fromEntries([...tree.entries].map(([key, { value }]) => [key, toPlain(value, seen)]));
  seen.set(tree, plain);
  return plain;
}

export type Path = readonly PropertyKey[];

export interface Located {
  /** The value at the path, or the deepest one on the way when the path does not exist. */
  tree: Tree;
  /** Offset of the key that leads there; null in a list and at the root. */
  keyStart: number | null;
  exists: boolean;
}

export function locate(root: Tree, path: Path): Located {
  let tree = root;
  let keyStart: number | null = null;
  for (const step of path) {
    const entry: Entry | undefined = tree.kind === 'map' ? tree.entries.get(String(step)) : undefined;
    const next: Tree | undefined = tree.kind === 'list' ? tree.items[Number(step)] : entry?.value;
    if (next === undefined) return { tree, keyStart, exists: false };
    keyStart = entry?.keyStart ?? null;
    tree = next;
  }
  return { tree, keyStart, exists: true };
}

/** `models[1].serve_args[0]`; keys that are not plain words are quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = quoteKey(String(step));
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

function quoteKey(key: string): string {
  return /^[\w-]{1,100}$/.test(key) ? key : show(key);
}

/** Untrusted text for a message: quoted, escaped and short. */
export function show(text: string): string {
  return JSON.stringify(clip(text));
}

export function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** The value of a key, unless it is absent or null. */
export function child(tree: Tree | null, key: string): Tree | null {
  const value = tree?.kind === 'map' ? tree.entries.get(key)?.value : undefined;
  return value === undefined || isNull(value) ? null : value;
}

/** The entry of a key whose value is not null. */
export function entryOf(tree: Tree | null, key: string): Entry | null {
  return tree?.kind === 'map' && child(tree, key) !== null ? (tree.entries.get(key) ?? null) : null;
}

/** Items of a list with their indices; nothing when the tree is no list. */
export function items(tree: Tree | null): Tree[] {
  return tree?.kind === 'list' ? tree.items : [];
}

/** Entries of a map; nothing when the tree is no map. */
export function entries(tree: Tree | null): [string, Entry][] {
  return tree?.kind === 'map' ? [...tree.entries] : [];
}

export function textOf(tree: Tree | null): string | null {
  return tree?.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : null;
}

export function isNull(tree: Tree): boolean {
  return tree.kind === 'scalar' && tree.value === null;
}
