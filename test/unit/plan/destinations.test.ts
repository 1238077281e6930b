import { describe, expect, it } from 'vitest';
import { type DestinationContext, destinations } from '../../../src/plan/destinations.ts';
import { parsePublishAllow } from '../../../src/registry/patterns.ts';
import { validCatalog } from '../catalog/support.ts';

function of(text: string, extra: Partial<DestinationContext> & { allow?: string } = {}) {
  const { allow, ...context } = extra;
  const { models, settings } = validCatalog(text);
  const [model] = models;
  if (model === undefined) throw new Error('no model');
  const publishAllow = allow === undefined ? null : parsePublishAllow(allow).patterns;
  return destinations(model, settings, { owner: 'Acme', namespaceSuffix: '', publishAllow, ...context });
}

const PLAIN = 'models: [{id: a/b, short: x}]\n';
const OWN =
  'defaults: {registries: {own: "quay.io/team{namespace_suffix}"}, publish: {own: true}}\nmodels: [{id: a/b, short: x}]\n';

describe('destinations', () => {
  it('are the registries the model publishes to, in lower case', () => {
    expect(of(PLAIN).repositories).toEqual(['ghcr.io/acme/hf-x', 'docker.io/acme/hf-x']);
    expect(of('models: [{id: a/b, short: x, publish: {ghcr: false}}]\n').repositories).toEqual(['docker.io/acme/hf-x']);
  });

  it('keep {owner} while nobody knows it', () => {
    expect(of(PLAIN, { owner: null })).toMatchObject({
      repositories: ['ghcr.io/{owner}/hf-x', 'docker.io/{owner}/hf-x'],
      problems: [],
    });
  });

  it('carry the suffix of the branch in the namespace', () => {
    expect(of(OWN, { namespaceSuffix: '0feat' }).repositories).toEqual(['quay.io/team0feat/hf-x']);
  });

  it('are judged as expanded: one that the catalog wrote is a problem', () => {
    expect(of(OWN, { allow: 'acme=quay.io/team/*' })).toEqual({
      repositories: ['quay.io/team/hf-x'],
      problems: [],
      notes: [],
    });
    const refused = of(OWN, { allow: 'acme=quay.io/team/*', namespaceSuffix: '0feat' });
    expect(refused.repositories).toEqual([]);
    expect(refused.problems.join()).toContain('quay.io/team0feat/hf-x');
  });

  it('bound to another owner are not allowed', () => {
    expect(of(OWN, { allow: 'other=quay.io/team/*' }).problems).toHaveLength(1);
  });

  it('of the built-in defaults are left out with a note; none left is a problem', () => {
    expect(of(PLAIN, { allow: 'acme=ghcr.io/acme/*' })).toMatchObject({
      repositories: ['ghcr.io/acme/hf-x'],
      problems: [],
      notes: [expect.stringContaining('dockerhub')],
    });
    expect(of(PLAIN, { allow: 'acme=quay.io/acme/*' })).toMatchObject({
      repositories: [],
      problems: [expect.stringContaining('No registry is left')],
    });
  });

  it('may be none on the command line', () => {
    expect(of('models: [{id: a/b, short: x, publish: {ghcr: false, dockerhub: false}}]\n')).toEqual({
      repositories: [],
      problems: [],
      notes: [],
    });
  });
});
