import { describe, expect, it } from 'vitest';
import type { DestinationContext } from '../../../../src/plan/destinations.ts';
import { mirrorPlaces, mirrorsBySource } from '../../../../src/publish/mirror/places.ts';
import { parsePublishAllow } from '../../../../src/registry/patterns.ts';
import { validCatalog } from '../../catalog/support.ts';

const CATALOG = `defaults:
  registries: {own: "own.test/{owner}", asia: "asia.test/copies", eu: "eu.test/{owner}"}
  publish: {own: true, ghcr: false, dockerhub: false}
  mirrors: [asia, eu]
models: [{id: a/b, short: x, aliases: [small]}]
`;

function of(text = CATALOG, { allow, ...context }: Partial<DestinationContext> & { allow?: string } = {}) {
  const { models, settings } = validCatalog(text);
  const [model] = models;
  if (model === undefined) throw new Error('no model');
  const publishAllow = allow === undefined ? null : parsePublishAllow(allow).patterns;
  return mirrorPlaces(model, settings, { owner: 'Acme', namespaceSuffix: '', publishAllow, ...context });
}

describe('places of a mirror', () => {
  it('are the repositories that the model would have there, aliases last and beside them', () => {
    const source = 'own.test/acme/hf-x';
    expect(of()).toEqual({
      places: [
        { source, target: 'asia.test/copies/hf-x', near: [] },
        { source, target: 'eu.test/acme/hf-x', near: [] },
        { source, target: 'asia.test/copies/hf-small', near: ['asia.test/copies/hf-x'] },
        { source, target: 'eu.test/acme/hf-small', near: ['eu.test/acme/hf-x'] },
      ],
      problems: [],
    });
    expect(mirrorsBySource(of().places)[source]).toHaveLength(4);
  });

  it.each(['ASIA.test', 'asia.test.evil'])('are judged as expanded, each by itself: %s', (allowed) => {
    const { places, problems } = of(CATALOG, { allow: `own.test/acme/*,eu.test/acme/hf-x,${allowed}/copies-evil/*` });
    expect(places.map(({ target }) => target)).toEqual(['eu.test/acme/hf-x']);
    expect(problems).toEqual([
      expect.stringContaining('asia.test/copies/hf-x'),
      expect.stringContaining('eu.test/acme/hf-small'),
    ]);
  });

  it('are none where nobody knows whose the source is, and that is said', () => {
    expect(of(CATALOG, { owner: null })).toEqual({ places: [], problems: [expect.stringContaining('--owner')] });
  });

  it('are none where the source itself may not be published to', () => {
    expect(of(CATALOG, { allow: 'asia.test/copies/*' }).places).toEqual([]);
  });

  it('leave out a registry that the model is published to anyway', () => {
    const text = CATALOG.replace('publish: {own: true,', 'publish: {own: true, eu: true,');
    const targets = of(text).places.map(({ target }) => target);
    expect(targets).toContain('asia.test/copies/hf-x');
    expect(targets).not.toContain('eu.test/acme/hf-x');
  });
});
