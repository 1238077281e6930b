import { describe, expect, it } from 'vitest';
import type { DestinationContext } from '../../../src/plan/destinations.ts';
import { placesOf } from '../../../src/publish/places.ts';
import { defaultPublishAllow, parsePublishAllow } from '../../../src/registry/patterns.ts';

const settings = {
  registries: { ghcr: 'ghcr.io/{owner}', own: 'registry.test/Team{namespace_suffix}', dockerhub: 'docker.io/{owner}' },
};
const context = (allow: string | null, extra: Partial<DestinationContext> = {}): DestinationContext => ({
  owner: 'acme',
  namespaceSuffix: '',
  publishAllow: allow === null ? null : parsePublishAllow(allow).patterns,
  ...extra,
});
const model = (publish: string[], aliases: string[] = []) => ({ short: 'tiny', publish, aliases });
const names = (places: { repository: string }[]) => places.map(({ repository }) => repository);

describe('places', () => {
  it('are the model’s repositories first, then its aliases in each registry', () => {
    const { places, problems } = placesOf(model(['ghcr', 'own'], ['small', 'hf-mini']), settings, context(null));
    expect(problems).toEqual([]);
    expect(places.map(({ repository, aliasOf }) => [repository, aliasOf])).toEqual([
      ['ghcr.io/acme/hf-tiny', null],
      ['registry.test/team/hf-tiny', null],
      ['ghcr.io/acme/hf-small', 'ghcr.io/acme/hf-tiny'],
      ['ghcr.io/acme/hf-mini', 'ghcr.io/acme/hf-tiny'],
      ['registry.test/team/hf-small', 'registry.test/team/hf-tiny'],
      ['registry.test/team/hf-mini', 'registry.test/team/hf-tiny'],
    ]);
  });

  it('carry the suffix of a branch in the namespace that asks for it', () => {
    const { places } = placesOf(model(['ghcr', 'own']), settings, context(null, { namespaceSuffix: '0feat' }));
    expect(names(places)).toEqual(['ghcr.io/acme/hf-tiny', 'registry.test/team0feat/hf-tiny']);
  });

  it('keep hf- in an alias unless the operator’s list has exactly the bare name', () => {
    const wide = placesOf(model(['ghcr'], ['postgres']), settings, context('ghcr.io/acme/*'));
    expect(names(wide.places)).toEqual(['ghcr.io/acme/hf-tiny', 'ghcr.io/acme/hf-postgres']);
    const both = placesOf(model(['ghcr'], ['postgres']), settings, context('ghcr.io/acme/*,ghcr.io/acme/postgres'));
    expect(names(both.places)).toEqual(['ghcr.io/acme/hf-tiny', 'ghcr.io/acme/postgres']);
  });

  it('outside the operator’s list are refused, aliases too; a built-in registry is left out with a note', () => {
    const { places, problems, notes } = placesOf(
      model(['ghcr', 'own', 'dockerhub'], ['small']),
      { registries: { ...settings.registries } },
      context('ghcr.io/acme/hf-tiny'),
    );
    expect(names(places)).toEqual(['ghcr.io/acme/hf-tiny']);
    expect(problems).toEqual([
      expect.stringContaining(
        'Alias small in registry ghcr: the operator does not allow publishing to ghcr.io/acme/hf-small',
      ),
      expect.stringContaining('registry.test/team/hf-tiny'),
    ]);
    expect(notes).toEqual([expect.stringContaining('dockerhub is left out')]);
  });

  it.each([
    ['a longer name', 'ghcr.io/acme-evil'],
    ['upper case', 'GHCR.IO/ACME-EVIL'],
    ['another name of Docker Hub', 'index.docker.io/acme'],
    ['a path below', 'ghcr.io/acme/deep'],
    ['a host that begins alike', 'ghcr.io.evil.test/acme'],
  ])('that only look like what is allowed are refused: %s', (_, prefix) => {
    const owned = { ...context(null), publishAllow: defaultPublishAllow('acme') };
    const { places, problems } = placesOf(model(['evil']), { registries: { evil: prefix } }, owned);
    expect([places, problems.length]).toEqual([[], 1]);
  });

  it('have one spelling', () => {
    const { places } = placesOf(
      model(['up']),
      { registries: { up: 'GHCR.io/Acme/' } },
      {
        ...context(null),
        publishAllow: defaultPublishAllow('Acme'),
      },
    );
    expect(names(places)).toEqual(['ghcr.io/acme/hf-tiny']);
  });

  it('need somebody to say whose they are', () => {
    const { places, problems } = placesOf(model(['ghcr']), settings, context(null, { owner: null }));
    expect([places, problems]).toEqual([[], [expect.stringContaining('--owner')]]);
  });

  it('are each there once', () => {
    const { places } = placesOf(model(['ghcr'], ['tiny', 'hf-tiny']), settings, context(null));
    expect(names(places)).toEqual(['ghcr.io/acme/hf-tiny']);
  });
});
