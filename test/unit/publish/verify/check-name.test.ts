import { describe, expect, it } from 'vitest';
import { parseCatalog } from '../../../../src/catalog/parse.ts';
import { checkName } from '../../../../src/publish/verify/check-name.ts';
import type { ReadProvenance } from '../../../../src/publish/verify/check-provenance.ts';

const INPUTS = 'abcdef012345'.padEnd(64, '0');
const read: ReadProvenance = {
  externalParameters: { model: 'acme/tiny', short: 'tiny', runtime: 'default', variant: 'slim' },
  internalParameters: { inputs: INPUTS, revision: '1'.repeat(40), platforms: {} },
  resolvedDependencies: [],
};
const parsed = parseCatalog('models: [{id: acme/tiny, short: tiny, aliases: [small]}, {id: acme/other, short: other}]');
const catalog = parsed.valid ? parsed.catalog : null;
const status = (repository: string, tagOrDigest = 'v1', known = catalog) =>
  checkName({ repository: `registry.example/acme/${repository}`, tagOrDigest }, [read], known).status;

describe('the name of an image', () => {
  it('is the repository of its model, or an alias that the catalog tells', () => {
    expect(status('hf-tiny')).toBe('passed');
    expect(status('hf-small')).toBe('passed');
    expect(status('hf-other')).toBe('failed');
    expect(status('hf-whatever')).toBe('failed');
  });

  it('that may be an alias is a doubt where no catalog tells', () => {
    expect(status('hf-tiny', 'v1', null)).toBe('passed');
    expect(status('hf-small', 'v1', null)).toBe('not-checked');
    expect(checkName({ repository: 'r/hf-tiny', tagOrDigest: 'v1' }, [], catalog).status).toBe('not-checked');
  });

  it('means what its tag says: the variant, and the inputs', () => {
    expect(status('hf-tiny', 'v1-slim')).toBe('passed');
    expect(status('hf-tiny', 'v1-fat')).toBe('failed');
    expect(status('hf-tiny', 'iabcdef012345-slim')).toBe('passed');
    expect(status('hf-tiny', 'i000000000000-slim')).toBe('failed');
  });
});
