import type { Database } from '../../../src/store/database.ts';
import { type Publication, recordPublication } from '../../../src/store/publications.ts';

export const digestOfLetter = (letter: string) => `sha256:${letter.repeat(64)}` as const;

type Fields = Partial<Omit<Publication, 'id' | 'state' | 'publishedAt'>>;

/** A publication with every field: the slim image of model `tiny`, unless told otherwise. */
export function publication(fields: Fields = {}): Omit<Publication, 'id' | 'state' | 'publishedAt'> {
  return {
    catalog: '7/models.yaml',
    owner: 'acme',
    short: 'tiny',
    model: 'acme/tiny',
    runtime: 'default',
    variant: 'slim',
    inputs: '1'.repeat(64),
    digest: digestOfLetter('a'),
    revision: 'c'.repeat(40),
    base: { reference: 'registry.test/base:v1', digest: digestOfLetter('b') },
    platforms: ['linux/amd64'],
    repositories: ['registry.test/acme/hf-tiny'],
    mirrors: {},
    tags: ['v1-slim'],
    immutable: [],
    attestations: [],
    signed: false,
    scanned: true,
    commit: 'd'.repeat(40),
    pr: null,
    entry: 'e',
    wanted: null,
    ...fields,
  };
}

export const publish = (db: Database, fields: Fields = {}): Promise<void> => recordPublication(db, publication(fields));
