import { expect, it } from 'vitest';
import { forbidsModification } from '../../../src/licensing/forbids-modification.ts';

it.each([
  ['CC-BY-ND-4.0', true],
  ['CC-BY-NC-ND-4.0', true],
  ['CC-BY-NC-ND-2.0', true],
  ['MIT AND CC-BY-ND-3.0', true],
  ['MIT OR CC-BY-ND-4.0', true],
  ['MIT', false],
  ['CC-BY-SA-4.0', false],
  ['LicenseRef-llama3.1', false],
  ['not an expression', false],
  [null, false],
])('%s: that copies stay unmodified is asked for: %s', (spdx, forbidden) => {
  expect(forbidsModification(spdx)).toBe(forbidden);
});
