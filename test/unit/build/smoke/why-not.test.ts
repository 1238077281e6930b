import { expect, test } from 'vitest';
import { SMOKE_MAX_WEIGHTS, whyNot } from '../../../../src/build/smoke/why-not.ts';

const image = { platforms: ['linux/amd64', 'linux/arm64/v8'], weights: 0, pull: true };

test('an image runs where the engine has one of its platforms', () => {
  expect(whyNot(image, 'linux/amd64')).toBeNull();
  expect(whyNot(image, 'linux/arm64')).toBeNull();
  expect(whyNot(image, 'linux/arm')).toBe(
    'the image is for linux/amd64, linux/arm64/v8, the container engine here runs linux/arm',
  );
});

test('weights are fetched into the engine up to a bound; what is there already has none', () => {
  expect(whyNot({ ...image, weights: SMOKE_MAX_WEIGHTS }, 'linux/amd64')).toBeNull();
  const heavy = { ...image, weights: SMOKE_MAX_WEIGHTS + 1 };
  expect(whyNot(heavy, 'linux/amd64')).toBe('2 GB of weights would have to be fetched, more than 2 GB');
  expect(whyNot({ ...heavy, pull: false }, 'linux/amd64')).toBeNull();
});
