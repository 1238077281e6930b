import { describe, expect, it } from 'vitest';
import { satisfies } from '../../../src/licensing/expression.ts';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';
import { whitelistProblem, whitelistWarning } from '../../../src/licensing/whitelist.ts';

describe('whitelistProblem', () => {
  it('takes one licence, not an expression of several', () => {
    for (const entry of ['mit', 'GPL-2.0+', 'LicenseRef-x', 'GPL-2.0-only WITH Classpath-exception-2.0']) {
      expect(whitelistProblem(entry)).toBeNull();
    }
    expect(whitelistProblem('MIT OR ISC')).toContain('joins several');
    expect(whitelistProblem('mitt')).toContain('"mitt"');
  });

  it.each(HUB_LICENSES)('takes the id $id of the Hub, unless it names no licence', ({ id, class: group, spdx }) => {
    const vague = group === 'unknown' || group === 'ambiguous-family';
    expect(whitelistProblem(id) === null).toBe(!vague);
    if (!vague && spdx !== null) expect(satisfies(spdx, [id])).toBe(true);
  });
});

describe('whitelistWarning', () => {
  it.each([
    ['cc-by-sa-4.0', /not permissive \(copyleft\).*author is named.*stays under this licence/],
    ['llama3.1', /community-conditions.*"Built with Llama"/],
    ['LicenseRef-gemma', /Its conditions of use/],
    ['CC-BY-NC-ND-4.0', /only as it is.*not for commercial use/],
    ['LicenseRef-ours', /not known here/],
  ])('names the duties of %s', (entry, expected) => {
    expect(whitelistWarning(entry)).toMatch(expected);
  });

  it.each(['mit', 'Apache-2.0', 'bsl-1.0', 'not-a-licence'])('says nothing of %s', (entry) => {
    expect(whitelistWarning(entry)).toBeNull();
  });
});
