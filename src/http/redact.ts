const MASK = '[redacted]';
/** Shorter ones would blank out ordinary words. */
const SHORTEST_SECRET = 4;
/** A beginning of so many characters gives away too much of a secret that was cut off, and is hardly met by chance. */
const SHORTEST_BEGINNING = 12;

/**
 * A function that makes text fit for logs, checks and comments: every secret is masked as it is, JSON-escaped, URL-encoded
 * and base64-encoded (alone or inside `user:secret`), whole or cut off at its end, and URLs lose their user information and query.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(secrets.flatMap(lines).flatMap(formsOf));
  const known = [...forms].filter((form) => form.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
  return (text) => stripUrls(known.reduce((rest, form) => maskBeginnings(rest.replaceAll(form, MASK), form), text));
}

/** Masks the beginning of a secret where a message was shortened in the middle of it. */
function maskBeginnings(text: string, form: string): string {
  if (form.length <= SHORTEST_BEGINNING) return text;
  const beginning = form.slice(0, SHORTEST_BEGINNING);
  let masked = '';
  let done = 0;
  for (let at = text.indexOf(beginning); at >= 0; at = text.indexOf(beginning, done)) {
    let end = at + SHORTEST_BEGINNING;
    while (end < text.length && text[end] === form[end - at]) end++;
    const isCut = !/[\p{L}\p{N}_+/=-]/u.test(text[end] ?? '');
    masked += text.slice(done, isCut ? at : end) + (isCut ? MASK : '');
    done = end;
  }
  return masked + text.slice(done);
}

/** User information and query of every URL in the text are dropped: they hold passwords and signatures. */
export function stripUrls(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>`|\\]+)/gi, (_url, scheme: string, rest: string) => {
    const [, authority = '', path = ''] = /^([^/?#]*)(.*)$/s.exec(rest) ?? [];
    const closing = /[)\].,;]+$/.exec(path)?.[0] ?? '';
    const query = path.indexOf('?');
    return (
      scheme + authority.slice(authority.lastIndexOf('@') + 1) + (query < 0 ? path : path.slice(0, query) + closing)
    );
  });
}

/** A key of several lines is also masked line by line: logs break it up. */
function lines(secret: string): string[] {
  const parts = secret.split('\n').filter((line) => line.length >= 16 && !line.startsWith('-----'));
  return secret.includes('\n') ? [secret, ...parts] : [secret];
}

function formsOf(secret: string): string[] {
  if (secret.length < SHORTEST_SECRET) return [];
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(secret);
  return [secret, json, url, url.replaceAll('%20', '+'), ...base64Forms(secret)];
}

/**
 * Base64 of the secret at each of the three alignments it can have inside a longer text, without the characters its
 * neighbours share; in the standard and the URL alphabet.
 */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const shared = (offset + bytes.length) % 3 === 0 ? 0 : 1;
    const own = encoded.slice([0, 2, 3][offset], encoded.length - shared);
    // A few characters would match by chance.
    return own.length < 6 ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
