import { parseDocument } from 'yaml';
import { z } from 'zod';
import { declaredLicense } from './card.ts';
import type { CardStatement } from './types.ts';

/** Characters; far more than any model card has. Bounds the parser's time on a hostile one. */
const MAX_FRONT_MATTER = 256 * 1024;
/** As the Hub finds it: a first line of three dashes, up to the next one. */
const OPENING = /^\uFEFF?\s*---[ \t]*\r?\n/;
const CLOSING = /^---[ \t]*$/m;
const schema = z.record(z.string(), z.unknown());

/**
 * What the front matter of a README (Hub documentation, "Model Cards") states about the licence. Front matter that is there and
 * makes no sense is `unreadable`: a statement nobody can read is not no statement.
 */
export function cardStatement(readme: string): CardStatement {
  const opening = OPENING.exec(readme);
  if (opening === null) return { kind: 'none' };
  const body = readme.slice(opening[0].length, opening[0].length + MAX_FRONT_MATTER + 1);
  const text = body.replaceAll('\r\n', '\n');
  const closing = CLOSING.exec(text);
  if (closing === null) {
    // Without an end the Hub takes it for text.
    return body.length > MAX_FRONT_MATTER
      ? { kind: 'unreadable', why: `its front matter has more than ${MAX_FRONT_MATTER} characters` }
      : { kind: 'none' };
  }
  try {
    const document = parseDocument(text.slice(0, closing.index), { uniqueKeys: true, prettyErrors: false });
    if (document.errors.length > 0) return { kind: 'unreadable', why: 'its front matter is not valid YAML' };
    const parsed = schema.safeParse(document.toJS({ maxAliasCount: 20 }) ?? {});
    if (!parsed.success) return { kind: 'unreadable', why: 'its front matter is no mapping' };
    const license = declaredLicense(parsed.data, []);
    return license.ids.length === 0 ? { kind: 'none' } : { kind: 'stated', license };
  } catch {
    return { kind: 'unreadable', why: 'its front matter is not valid YAML' };
  }
}
