import fc from 'fast-check';
import parseSpdx from 'spdx-expression-parse';
import { describe, expect, it } from 'vitest';
import { baseLicenses } from '../../../src/licensing/base-licenses.ts';
import { effectiveLicense } from '../../../src/licensing/effective-license.ts';
import { imageExpression } from '../../../src/licensing/image-expression.ts';

const NVIDIA = 'LicenseRef-NVIDIA-Deep-Learning-Container-License';

describe('imageExpression', () => {
  it.each<[string | null, string[], string]>([
    ['MIT', [], 'MIT'],
    [null, [], 'LicenseRef-not-declared'],
    [null, [NVIDIA], `LicenseRef-not-declared AND ${NVIDIA}`],
    ['MIT OR Apache-2.0', [], 'MIT OR Apache-2.0'],
    ['MIT OR Apache-2.0', [NVIDIA], `(MIT OR Apache-2.0) AND ${NVIDIA}`],
    ['MIT AND ISC', [NVIDIA], `MIT AND ISC AND ${NVIDIA}`],
    [`MIT${' AND MIT'.repeat(1000)}`, [NVIDIA], `LicenseRef-see-licenses-manifest.json AND ${NVIDIA}`],
  ])('of %s on a base with %j is %s', (spdx, base, expected) => {
    expect(imageExpression(spdx, base)).toBe(expected);
    expect(() => parseSpdx(expected)).not.toThrow();
  });

  it('is a valid SPDX expression whatever is declared', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('other', 'mit', 'NOASSERTION', 'MIT OR', '('));
    fc.assert(
      fc.property(fc.array(text), fc.option(text), fc.boolean(), (ids, name, cuda) => {
        const base = baseLicenses(cuda ? [{ env: ['CUDA_VERSION=1'], labels: {} }] : []);
        const { spdx } = effectiveLicense({ ids, name, link: null });
        const expression = imageExpression(
          spdx,
          base.flatMap(({ id }) => id ?? []),
        );
        expect(() => parseSpdx(expression)).not.toThrow();
        expect(expression.includes(NVIDIA)).toBe(cuda);
      }),
      { examples: [[Array.from({ length: 500 }, (_, at) => `licence ${at}`), null, true]] },
    );
  });
});
