import { expect, it } from 'vitest';
import { unusableCheck } from '../../../src/publishing/tell.ts';

it('what a catalog says shows as text in the check of a catalog that cannot be used', () => {
  const why =
    'models.yaml is not valid: line 3, `typo` is unknown, not <img src=x> [here](https://example.test) @somebody';
  const { title, summary } = unusableCheck(why);
  expect(title).toBe(`Nothing is published: ${why}.`);
  expect(summary).toContain('`typo`');
  expect(summary).not.toMatch(/<img|[^\\]\[here|@somebody|https:\/\//);
});
