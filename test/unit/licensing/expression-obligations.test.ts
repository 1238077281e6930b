import { describe, expect, it } from 'vitest';
import { forbidsModification, obligationsOfExpression } from '../../../src/licensing/expression-obligations.ts';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';
import { licenseRef } from '../../../src/licensing/license-ref.ts';
import { obligationMeaning, obligationsOf } from '../../../src/licensing/obligations.ts';

const only = (spdx: string) => obligationsOfExpression(spdx)[0];
const UNKNOWN = expect.stringContaining('not known to the publisher');

describe('obligationsOfExpression', () => {
  it('has an answer for all 83 ids of the Hub, by SPDX id or LicenseRef, each with its meaning', () => {
    expect(HUB_LICENSES).toHaveLength(83);
    for (const { id, spdx, class: group } of HUB_LICENSES) {
      const name = spdx ?? licenseRef(id);
      const vague = group === 'unknown' || group === 'ambiguous-family';
      expect(obligationsOfExpression(name), id).toEqual([
        { id: name, obligations: obligationsOf(id), note: vague ? UNKNOWN : null },
      ]);
      for (const obligation of obligationsOf(id)) {
        expect(obligationMeaning(obligation)).toMatch(/\.$/);
        expect(obligation).not.toContain(',');
      }
    }
  });

  it('goes through an expression in its order', () => {
    expect(obligationsOfExpression('Apache-2.0 AND (LicenseRef-llama3.1 OR MIT)')).toEqual([
      { id: 'Apache-2.0', obligations: ['text', 'notice'], note: null },
      {
        id: 'LicenseRef-llama3.1',
        obligations: ['text', 'notice', 'use-restrictions', 'naming:Built with Llama'],
        note: null,
      },
      { id: 'MIT', obligations: ['text'], note: null },
    ]);
    expect(obligationsOfExpression(null)).toEqual([]);
    expect(obligationsOfExpression('MIT AND')).toEqual([]);
  });

  it("says so of licences that nobody has read, a free-text name of the Hub's among them", () => {
    for (const id of ['0BSD', 'LicenseRef-tencent', 'LicenseRef-apache-2.0', 'LicenseRef-cc-by-nd-4.0']) {
      expect(only(id), id).toEqual({ id, obligations: ['text'], note: UNKNOWN });
    }
  });

  it("reads GNU's versions and Creative Commons' names that the Hub does not offer", () => {
    expect(only('GPL-3.0-or-later')?.obligations).toEqual(['text', 'same-licence']);
    expect(only('LGPL-2.1')?.obligations).toEqual(['text', 'same-licence']);
    expect(only('CC-BY-NC-ND-3.0-IGO')?.obligations).toContain('unmodified-only');
  });
});

describe('forbidsModification', () => {
  it.each([
    'CC-BY-ND-4.0',
    'CC-BY-NC-ND-4.0',
    'CC-BY-NC-ND-3.0',
    'CC-BY-ND-2.0',
    'CC-BY-ND-3.0-DE',
    'MIT AND CC-BY-ND-4.0',
    'MIT OR CC-BY-ND-4.0',
    'MIT AND',
    '',
    `MIT${' AND MIT'.repeat(1000)}`,
  ])('is so for %s', (spdx) => {
    expect(forbidsModification(spdx)).toBe(true);
  });

  it.each([null, 'MIT', 'CC-BY-4.0', 'CC-BY-NC-SA-4.0', 'LicenseRef-gemma', 'LicenseRef-x'])(
    'is not for %s',
    (spdx) => {
      expect(forbidsModification(spdx)).toBe(false);
    },
  );
});
