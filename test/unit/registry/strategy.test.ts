import { expect, it } from 'vitest';
import { registryLayerLimit } from '../../../src/registry/strategy.ts';

it.each([
  ['ghcr.io', 10e9],
  ['123456789012.dkr.ecr.eu-central-1.amazonaws.com', 52_000 * 1024 * 1024],
  ['public.ecr.aws', 52_000 * 1024 * 1024],
  ['docker.io', null],
  ['registry.example:5000', null],
  ['ghcr.io.example', null],
])('the layer limit of %s is %s', (host, limit) => {
  expect(registryLayerLimit(host)).toBe(limit);
});
