import { z } from 'zod';
import { canonicalJson } from '../../image/canonical-json.ts';
import { hexOf } from '../../registry/digest.ts';
import type { Digest } from '../../registry/types.ts';

export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1';
/** What `cosign attest` writes (2.5). */
const STATEMENT_V01 = 'https://in-toto.io/Statement/v0.1';

/**
 * An in-toto Statement v1 about an index, as UTF-8 JSON in one spelling. The name is neutral, as the same statement goes to every registry;
 * the digest is what binds.
 */
export function statementOf(name: string, index: Digest, predicateType: string, predicate: unknown): string {
  const subject = [{ name, digest: { sha256: hexOf(index) } }];
  return canonicalJson({ _type: STATEMENT_V1, subject, predicateType, predicate });
}

const schema = z.looseObject({
  _type: z.enum([STATEMENT_V1, STATEMENT_V01]),
  subject: z.array(z.looseObject({ digest: z.record(z.string(), z.string()) })),
  predicateType: z.string(),
  predicate: z.unknown(),
});
export type Statement = z.infer<typeof schema>;

/** Reads a statement of anybody's; null for anything else. */
export function parseStatement(bytes: Uint8Array): Statement | null {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return null;
  }
}

/** Whether a statement speaks of this index and of nothing else. */
export function isAbout({ subject }: Statement, index: Digest): boolean {
  return subject.length > 0 && subject.every(({ digest }) => digest.sha256 === hexOf(index));
}
