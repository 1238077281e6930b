/** Text from outside in GitHub-flavoured Markdown, so that it shows as what it is and does nothing. Pure. */

/** Invisible, and enough to keep `@name`, `#1` and `www.` from being what GitHub makes of them. */
const ZERO_WIDTH_SPACE = '\u200B';

/** Controls, separators of lines, and format characters: they break lines, or hide and reorder text. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

const oneLine = (text: string): string => text.toWellFormed().replace(INVISIBLE, ' ').trim();

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** What GitHub links by itself, cut in two: mentions, issue references, addresses. */
function withoutAutolinks(text: string): string {
  return text
    .replace(/@/g, `@${ZERO_WIDTH_SPACE}`)
    .replace(/#(?=\d)/g, `#${ZERO_WIDTH_SPACE}`)
    .replace(/(GH-)(?=\d)/gi, `$1${ZERO_WIDTH_SPACE}`)
    .replace(/:\/\//g, `:${ZERO_WIDTH_SPACE}//`)
    .replace(/(mailto|xmpp):/gi, `$1${ZERO_WIDTH_SPACE}:`)
    .replace(/(www)\./gi, `$1${ZERO_WIDTH_SPACE}.`);
}

/** Plain text on one line: no HTML, emphasis, code, link, mention, reference, heading, list or table comes of it. */
export function escapeText(text: string): string {
  return withoutAutolinks(oneLine(text))
    .replace(/[\\`*_[\]|~$]/g, '\\$&')
    .replace(/[&<>]/g, (character) => HTML[character] ?? character)
    .replace(/^[-+=#:]/, '\\$&')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}

/**
 * Inline code on one line: a fence longer than any run of backticks inside (CommonMark, "Code spans"). GitHub makes no
 * links, mentions or HTML of what is inside. Use `cell` on it in a table.
 */
export function code(text: string): string {
  const line = oneLine(text);
  if (line === '') return '';
  const longest = Math.max(0, ...(line.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${line}${pad}${fence}`;
}

/** Markdown made by these functions as one cell of a table: no line break, no pipe that would end it. */
export function cell(markdown: string): string {
  return markdown
    .replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
    .replace(/(\\*)\|/g, (_, slashes: string) => `${slashes}${slashes.length % 2 === 0 ? '\\' : ''}|`)
    .trim();
}

/**
 * Our own sentences, which may quote names as `code` and may carry text from outside: what stands between single backticks
 * becomes a code span, everything else is escaped.
 */
export function prose(text: string): string {
  return text
    .split(/(`[^`]+`)/)
    .map((part) => (/^`[^`]+`$/.test(part) ? code(part.slice(1, -1)) : escapeInside(part)))
    .join('');
}

/** Like `escapeText`, but keeps the white space at both ends: the part is in mid-sentence. */
function escapeInside(part: string): string {
  const [, before = '', middle = '', after = ''] = /^(\s*)(.*?)(\s*)$/s.exec(part) ?? [];
  return `${before === '' ? '' : ' '}${escapeText(middle)}${after === '' || middle === '' ? '' : ' '}`;
}

/** Text from outside as one cell of a table. */
export function textCell(text: string): string {
  return cell(escapeText(text));
}

/** A link to an https address without credentials; anything else is only its text. */
export function link(text: string, url: string): string {
  const shown = escapeText(text);
  if (!URL.canParse(url)) return shown;
  const target = new URL(url);
  if (target.protocol !== 'https:' || target.username !== '' || target.password !== '') return shown;
  const path = target.href.slice(target.origin.length);
  const href = target.origin + path.replace(/[()<>[\]\\|`]/g, percent).replaceAll('&', '&amp;');
  return `[${shown === '' ? 'link' : shown}](${href})`;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
