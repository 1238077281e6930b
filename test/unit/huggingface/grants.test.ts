import { describe, expect, test } from 'vitest';
import { isGranted, parseGrants } from '../../../src/huggingface/grants.ts';

describe('HUB_ALLOW', () => {
  const grants = parseGrants(['acme=acme-models/*', 'Other=Some/Model-1']);

  test.each([
    ['acme-models/anything', 'acme', true],
    ['ACME-Models/anything', 'Acme', true],
    ['acme-models/anything', 'other', false],
    ['acme-models/anything', null, false],
    ['acme-models-evil/anything', 'acme', false],
    ['some/model-1', 'other', true],
    ['some/model-2', 'other', false],
    ['some', 'other', false],
  ])('%s for %s: %s', (id, owner, granted) => {
    expect(isGranted(id, owner, grants)).toBe(granted);
  });

  test.each(['acme-models/*', 'acme=*', 'acme=*/*', 'acme=a/b/c', '=a/b', 'acme=../x'])(
    'refuses the entry %s',
    (entry) => {
      expect(() => parseGrants([entry])).toThrow(
        expect.objectContaining({ code: 'environment', message: expect.stringContaining(entry) }),
      );
    },
  );
});
