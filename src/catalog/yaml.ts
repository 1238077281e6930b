import { Composer, CST, type Document, Lexer, Parser, type YAMLError } from 'yaml';
import type { Source } from './text.ts';
import type { Tree } from './tree.ts';
import { MAX_DEPTH, treeOf } from './tree-of.ts';
import type { Problem } from './types.ts';

export interface ParsedYaml {
  /** null when there is nothing sensible to check further; then there are problems. */
  tree: Tree | null;
  problems: Problem[];
  warnings: Problem[];
}

/** More than these are never shown, and a hostile text can have one for each byte. */
const MAX_SYNTAX_PROBLEMS = 1_000;

/** Parses one YAML document into a tree. Never throws: what is wrong with the text is in `problems`. */
export function parseYaml(source: Source): ParsedYaml {
  const tokens = tokenise(source);
  if (!Array.isArray(tokens)) return { tree: null, problems: [tokens], warnings: [] };
  // The composer's own search for duplicate keys compares each with each; ours is linear.
  const composer = new Composer({ uniqueKeys: false, prettyErrors: false });
  let document: Document.Parsed | null = null;
  for (const next of composer.compose(tokens, true, source.text.length)) {
    if (document !== null) {
      const message = 'the catalog has several YAML documents; keep one, without a further `---`';
      return { tree: null, problems: [source.problem(next.range[0], '', message)], warnings: [] };
    }
    document = next;
  }
  if (document === null) return { tree: null, problems: [source.problem(0, '', 'the catalog is empty')], warnings: [] };
  const problems = syntaxProblems(document.errors, source);
  if (problems.length > 0) return { tree: null, problems, warnings: [] };
  return { ...treeOf(document.contents, source), warnings: syntaxProblems(document.warnings, source) };
}

/** Tokens of the whole text, or the problem of nesting that only an attack needs, met before anything recurses into it. */
function tokenise({ text, problem }: Source): CST.Token[] | Problem {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let offset = 0;
  let flow = 0;
  let compact = 0;
  let beforeScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type: CST.TokenType | null = beforeScalar ? null : CST.tokenType(lexeme);
    if (type === 'flow-seq-start' || type === 'flow-map-start') flow++;
    if (type === 'flow-seq-end' || type === 'flow-map-end') flow--;
    if (type === 'newline') compact = 0;
    if (flow === 0 && (type === 'seq-item-ind' || type === 'explicit-key-ind')) compact++;
    if (Math.max(flow, compact) > MAX_DEPTH) return problem(offset, '', TOO_DEEP);
    beforeScalar = type === 'scalar';
    if (type !== 'scalar' && type !== 'doc-mode' && type !== 'flow-error-end') offset += lexeme.length;
    for (const token of parser.next(lexeme)) tokens.push(token);
  }
  for (const token of parser.end()) tokens.push(token);
  return tokens;
}

const TOO_DEEP = `the catalog is nested more than ${MAX_DEPTH} levels deep`;

function syntaxProblems(errors: readonly YAMLError[], source: Source): Problem[] {
  // What is never closed is missing at the end: on the last line there is, not behind it.
  const last = source.text.trimEnd().length;
  return errors
    .slice(0, MAX_SYNTAX_PROBLEMS)
    .map(({ pos, code, message }) => source.problem(Math.min(pos[0], last), '', syntaxMessage(code, message)));
}

function syntaxMessage(code: string, message: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return TOO_DEEP;
  if (code === 'TAB_AS_INDENT') return 'YAML is indented with spaces, not tabs';
  const text = message.split('\n', 1)[0] ?? '';
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return code === 'TAG_RESOLVE_FAILED' ? short : `not valid YAML: ${short}`;
}
