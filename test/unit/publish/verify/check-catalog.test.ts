import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../../../src/catalog/parse.ts';
import type { FactsResult, Hub } from '../../../../src/huggingface/types.ts';
import { type CatalogToHold, checkCatalog } from '../../../../src/publish/verify/check-catalog.ts';
import type { ReadProvenance } from '../../../../src/publish/verify/check-provenance.ts';
import { modelFacts } from '../../../support/policy/input.ts';

const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
const DIGEST = `sha256:${'1'.repeat(64)}`;
const provenance: ReadProvenance = {
  externalParameters: { model: 'acme/tiny', short: 'tiny', runtime: 'default', variant: 'slim' },
  internalParameters: { inputs: 'c'.repeat(64), revision: B, platforms: {} },
  resolvedDependencies: [
    { name: 'base', uri: `oci://docker.io/acme/runtime@${DIGEST}`, digest: { sha256: '1'.repeat(64) } },
  ],
};

function catalog(model = '', image = 'acme/runtime:v1'): CatalogToHold {
  const text = `defaults: {base_image: "${image}"}\nmodels: [{id: acme/tiny, short: tiny${model}}]\n`;
  const parsed = parseCatalog(text);
  if (!parsed.valid) throw new Error(JSON.stringify(parsed.problems));
  return parsed.catalog;
}

/** The Hub, where every branch and tag is at one commit. */
const hubAt = (answer: FactsResult): Pick<Hub, 'facts'> => ({ facts: async () => answer });
const found = (revision: string) => hubAt({ kind: 'found', facts: modelFacts({ id: 'acme/tiny', revision }) });

const check = (held: CatalogToHold, hub = found(B), stated = [provenance]) =>
  checkCatalog(stated, held, { hub, signal: new AbortController().signal });

describe('provenance against a catalog', () => {
  it('passes where the catalog pins nothing, or this very commit', async () => {
    expect(await check(catalog())).toMatchObject([{ status: 'passed' }]);
    expect(await check(catalog(`, revision: ${B}`))).toMatchObject([{ status: 'passed' }]);
  });

  it('fails where the catalog pins another commit', async () => {
    expect(await check(catalog(`, revision: ${A}`))).toEqual([
      { check: 'catalog', status: 'failed', detail: `the catalog pins ${A}, the provenance says ${B}` },
    ]);
  });

  it('asks the Hub where a branch or tag is, and does not know when that is another commit, or hidden', async () => {
    const branch = catalog(', revision: main');
    expect(await check(branch)).toMatchObject([{ status: 'passed' }]);
    expect(await check(branch, found(A))).toMatchObject([
      { status: 'not-checked', detail: `main of acme/tiny is ${A} now, the provenance says ${B}` },
    ]);
    expect(await check(branch, hubAt({ kind: 'not-found', message: 'gone' }))).toMatchObject([
      { status: 'not-checked' },
    ]);
    await expect(check(branch, hubAt({ kind: 'unavailable', message: 'down' }))).rejects.toMatchObject({
      code: 'hub-unavailable',
    });
  });

  it('wants the base from the repository that the runtime names, at its digest if it names one', async () => {
    expect(await check(catalog('', `acme/runtime:v1@${DIGEST}`))).toMatchObject([{ status: 'passed' }]);
    for (const image of ['acme/other:v1', 'one.test/acme/runtime:v1', `acme/runtime@sha256:${'2'.repeat(64)}`]) {
      expect(await check(catalog('', image))).toMatchObject([
        { status: 'failed', detail: expect.stringContaining(`the base is ${image} in the catalog`) },
      ]);
    }
  });

  it('is a doubt without a catalog or without provenance, and left out where none is wanted', async () => {
    expect(await check('missing')).toMatchObject([{ status: 'not-checked' }]);
    expect(await check(catalog(), found(B), [])).toMatchObject([{ status: 'not-checked' }]);
    expect(await check(null)).toEqual([]);
  });
});
