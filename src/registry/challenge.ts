/** One challenge of a `WWW-Authenticate` header; scheme and parameter names in lower case. */
export interface Challenge {
  scheme: string;
  params: Record<string, string>;
}

const SCHEME = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAM = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))/y;
const GAP = /[ \t]*(?:,[ \t]*)*/y;
const LONGEST_HEADER = 8_192;

/**
 * The challenges of a `WWW-Authenticate` header, several in one header included (RFC 9110, 11.6.1). Text that fits no
 * challenge ends the parsing; what was understood so far is returned.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  if (header.length > LONGEST_HEADER) return challenges;
  let at = skip(header, 0);
  while (at < header.length) {
    const param = match(PARAM, header, at);
    const current = challenges.at(-1);
    if (param !== null && current !== undefined) {
      const name = (param[1] ?? '').toLowerCase();
      // The first value wins: a repeated parameter cannot override what was checked.
      if (!Object.hasOwn(current.params, name)) {
        current.params[name] = param[2] === undefined ? (param[3] ?? '') : param[2].replace(/\\(.)/g, '$1');
      }
      at = skip(header, at + param[0].length);
      continue;
    }
    const scheme = param === null ? match(SCHEME, header, at) : null;
    if (scheme === null) break;
    challenges.push({ scheme: scheme[0].toLowerCase(), params: Object.create(null) });
    at = skip(header, at + scheme[0].length);
  }
  return challenges;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skip(text: string, at: number): number {
  return at + (match(GAP, text, at)?.[0].length ?? 0);
}
