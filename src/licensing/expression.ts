import parseSpdx, { type SpdxExpression, type SpdxLicense } from 'spdx-expression-parse';
import deprecatedIds from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import currentIds from 'spdx-license-ids/index.json' with { type: 'json' };
import { quote } from '../policy/quote.ts';
import { hubLicense } from './hub-licenses.ts';
import { licenseRef } from './license-ref.ts';

/** Characters. Real expressions have a handful; the cap bounds the parser's recursion as well as its time. */
export const MAX_EXPRESSION_LENGTH = 1000;

export type ParsedExpression =
  /** `text` is the expression in SPDX's own spelling. */
  { ok: true; text: string; tree: SpdxExpression } | { ok: false; problem: string };

/** What a whitelist says to an expression. Only `satisfied` ever permits anything. */
export type Judgement =
  | { kind: 'satisfied'; text: string }
  | { kind: 'unsatisfied'; text: string }
  | { kind: 'malformed'; problem: string };

const IDS: ReadonlyMap<string, string> = new Map([...deprecatedIds, ...currentIds].map((id) => [id.toLowerCase(), id]));

const OPERATOR = /^(?:and|or|with)$/i;
const REFERENCE = /^(?:documentref-([A-Za-z0-9.-]+):)?licenseref-([A-Za-z0-9.-]+)$/i;

/**
 * Parses an SPDX licence expression (SPDX 2.3, annex D). Operators and licence ids are taken in any case and come back as SPDX
 * spells them, deprecated ids included; exceptions after WITH must be spelled as SPDX does.
 */
export function parseExpression(source: string): ParsedExpression {
  if (source.length > MAX_EXPRESSION_LENGTH) {
    return { ok: false, problem: `The expression is longer than ${MAX_EXPRESSION_LENGTH} characters.` };
  }
  const words = source.match(/[()]|[^\s()]+/g) ?? [];
  if (words.length === 0) return { ok: false, problem: 'The expression is empty.' };
  const spelled: string[] = [];
  for (const word of words) {
    const result = spell(word, spelled.at(-1) === 'WITH');
    if (!result.ok) return result;
    spelled.push(result.word);
  }
  const text = spelled.join(' ').replaceAll('( ', '(').replaceAll(' )', ')');
  try {
    return { ok: true, text, tree: parseSpdx(text) };
  } catch {
    // The parser's own messages are empty or about its internals; every word is known good by now.
    return {
      ok: false,
      problem: `${quote(source)} is not an SPDX expression: join licence ids with AND or OR, use WITH only before an exception, and close every parenthesis.`,
    };
  }
}

/** What is wrong with an expression, in one sentence; null when it is a valid one. */
export function validateExpression(text: string): string | null {
  const parsed = parseExpression(text);
  return parsed.ok ? null : parsed.problem;
}

export type WhitelistTerm = { ok: true; text: string; tree: SpdxLicense } | { ok: false; problem: string };

/**
 * A whitelist entry, which is one licence: an SPDX id (also with `+` or WITH), a LicenseRef, or an id of the Hub such as `llama3.1`, which
 * means the same licence. Ids that stand for a family or for anything at all name no licence.
 */
export function whitelistTerm(entry: string): WhitelistTerm {
  const parsed = parseExpression(entry);
  if (parsed.ok) {
    if ('license' in parsed.tree) return { ok: true, text: parsed.text, tree: parsed.tree };
    return { ok: false, problem: `${quote(entry)} joins several licences: list each of them on its own.` };
  }
  const hub = hubLicense(entry);
  if (hub === null) return parsed;
  if (hub.class === 'unknown' || hub.class === 'ambiguous-family') {
    return {
      ok: false,
      problem: `${quote(entry)} says nothing certain, so it cannot be whitelisted: name the licence itself.`,
    };
  }
  const license = hub.spdx ?? licenseRef(hub.id);
  return { ok: true, text: license, tree: { license } };
}

/**
 * Holds an expression against a whitelist: OR needs one side, AND both. The rules for one licence err on the side of "no":
 * - `X+` (or `X-or-later`) is satisfied by an entry X, since the licensee may choose X, or by X+;
 * - X is not satisfied by an entry X+, nor a later version by either;
 * - `X WITH E` is satisfied only by an entry with the same exception, and such an entry does not accept plain X;
 * - a deprecated GNU id such as `GPL-3.0` means `GPL-3.0-only`; a LicenseRef matches itself, in any case.
 *
 * Entries that are not one licence accept nothing.
 */
export function judge(expression: string, whitelist: readonly string[]): Judgement {
  const parsed = parseExpression(expression);
  if (!parsed.ok) return { kind: 'malformed', problem: parsed.problem };
  const accepted = whitelist.flatMap((entry) => {
    const term = whitelistTerm(entry);
    return term.ok ? [termOf(term.tree)] : [];
  });
  return { kind: holds(parsed.tree, accepted) ? 'satisfied' : 'unsatisfied', text: parsed.text };
}

/** Whether the whitelist satisfies the expression; false for a malformed one. See {@link judge}. */
export function satisfies(expression: string, whitelist: readonly string[]): boolean {
  return judge(expression, whitelist).kind === 'satisfied';
}

/** The distinct licences an expression names, in order: SPDX ids and LicenseRefs without `+` and exceptions. */
export function licensesIn(expression: string): string[] {
  const parsed = parseExpression(expression);
  return parsed.ok ? [...new Set(leaves(parsed.tree).map(({ license }) => license))] : [];
}

interface Term {
  base: string;
  orLater: boolean;
  exception: string | null;
}

function holds(tree: SpdxExpression, accepted: readonly Term[]): boolean {
  if ('license' in tree) {
    const term = termOf(tree);
    return accepted.some((entry) => accepts(entry, term));
  }
  const { left, conjunction, right } = tree;
  return conjunction === 'and'
    ? holds(left, accepted) && holds(right, accepted)
    : holds(left, accepted) || holds(right, accepted);
}

function accepts(entry: Term, term: Term): boolean {
  return entry.base === term.base && entry.exception === term.exception && (term.orLater || !entry.orLater);
}

function termOf({ license, plus, exception }: SpdxLicense): Term {
  const [, base = license, range = null] = /^(.*)-(only|or-later)$/.exec(license) ?? [];
  return {
    base: base.toLowerCase(),
    orLater: range === 'or-later' || (plus === true && range === null),
    exception: exception ?? null,
  };
}

function leaves(tree: SpdxExpression): SpdxLicense[] {
  return 'license' in tree ? [tree] : [...leaves(tree.left), ...leaves(tree.right)];
}

type Spelled = { ok: true; word: string } | { ok: false; problem: string };

function spell(word: string, afterWith: boolean): Spelled {
  if (word === '(' || word === ')') return { ok: true, word };
  if (OPERATOR.test(word)) return { ok: true, word: word.toUpperCase() };
  if (afterWith) return isException(word) ? { ok: true, word } : { ok: false, problem: unknownException(word) };
  const reference = REFERENCE.exec(word);
  if (reference !== null) {
    const [, document, name] = reference;
    return { ok: true, word: `${document === undefined ? '' : `DocumentRef-${document}:`}LicenseRef-${name}` };
  }
  const plus = word.endsWith('+') ? '+' : '';
  const id = IDS.get(word.slice(0, word.length - plus.length).toLowerCase());
  return id === undefined ? { ok: false, problem: unknownId(word) } : { ok: true, word: `${id}${plus}` };
}

function isException(word: string): boolean {
  try {
    const tree = parseSpdx(`MIT WITH ${word}`);
    return 'exception' in tree && tree.exception === word;
  } catch {
    return false;
  }
}

function unknownException(word: string): string {
  return `${quote(word)} is not an SPDX exception: write it after WITH exactly as SPDX does, e.g. Classpath-exception-2.0.`;
}

function unknownId(word: string): string {
  const hub = hubLicense(word);
  const hint =
    hub === null
      ? 'use an id of spdx.org/licenses, or LicenseRef-<name> for a licence SPDX does not list'
      : `write ${hub.spdx ?? licenseRef(hub.id)} for the Hub's licence of that name`;
  return `${quote(word)} is not an SPDX licence id: ${hint}.`;
}
