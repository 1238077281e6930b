const MAX_SHOWN = 120;

/**
 * A name from outside as it may stand in a message: in double quotes, with everything invisible or misleading (control and format
 * characters, lone surrogates) written as an escape, and cut when long.
 */
export function quote(text: string): string {
  const characters = [...text];
  const shown = characters.slice(0, MAX_SHOWN).map(escapeCharacter).join('');
  return `"${shown}${characters.length > MAX_SHOWN ? '…' : ''}"`;
}

/** The first few of many names, quoted. */
export function quoteSome(names: readonly string[], most = 3): string {
  const rest = names.length - most;
  const shown = names.slice(0, most).map(quote).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  if (!/[\p{C}\p{Zl}\p{Zp}]/u.test(character)) return character;
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
