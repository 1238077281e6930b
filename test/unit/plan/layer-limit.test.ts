import { expect, it } from 'vitest';
import { effectiveLayerLimit } from '../../../src/plan/layer-limit.ts';

const settings = (layerMaxBytes: number, mirrors: string[] = []) => ({
  limits: { fatMaxBytes: 1e12, layerMaxBytes },
  mirrors,
  registries: { ghcr: 'GHCR.io/{owner}', own: 'registry.example/models', host: 'ghcr.io' },
});

it.each([
  ['the catalog', 20e9, [], ['registry.example/a'], 20e9],
  ['a destination', 20e9, [], ['registry.example/a', 'ghcr.io/{owner}/hf-a'], 10e9],
  ['a mirror', 20e9, ['own', 'ghcr'], ['registry.example/a'], 10e9],
  ['a mirror that is a host alone', 20e9, ['host'], [], 10e9],
  ['the catalog, below every registry', 5e9, ['ghcr'], ['ghcr.io/acme/hf-a'], 5e9],
  ['nobody else, where a mirror is not known', 20e9, ['gone'], [], 20e9],
])('the strictest layer limit can be that of %s', (_whose, own, mirrors, repositories, expected) => {
  expect(effectiveLayerLimit(settings(own, mirrors), repositories)).toBe(expected);
});
