import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cardStatement } from '../../../src/huggingface/front-matter.ts';

const stated = (...ids: string[]) => ({ kind: 'stated', license: { ids, name: null, link: null } });

describe('cardStatement', () => {
  it.each([
    ['---\nlicense: mit\n---\n# Model', stated('mit')],
    ['\uFEFF---\r\nlicense: apache-2.0\r\n---\r\ntext', stated('apache-2.0')],
    ['\n---\nlicense: [mit, cc-by-4.0]\n---', stated('mit', 'cc-by-4.0')],
    ['---\nlicense:\n- mit\n---\n', stated('mit')],
    [
      '---\nlicense: other\nlicense_name: mine\nlicense_link: LICENSE\n---\n',
      { kind: 'stated', license: { ids: ['other'], name: 'mine', link: 'LICENSE' } },
    ],
    ['---\nlicense: 3\n---\n', stated('3')],
  ])('reads %j', (readme, expected) => {
    expect(cardStatement(readme)).toEqual(expected);
  });

  it.each([
    '',
    '# Model',
    '---\n---\n',
    '---\ntags: [x]\n---\n',
    '---\nlicense:\n---\n',
    '---\nlicense: mit\nno end',
    'x\n---\nlicense: mit\n---\n',
  ])('takes %j for no statement', (readme) => {
    expect(cardStatement(readme)).toEqual({ kind: 'none' });
  });

  it.each([
    ['---\nlicense: [mit\n---\n', /not valid YAML/],
    ['---\nlicense: mit\nlicense: gpl-3.0\n---\n', /not valid YAML/],
    ['---\n- license\n---\n', /no mapping/],
    [`---\nlicense: mit\nx: ${'y'.repeat(300_000)}\n---\n`, /more than/],
    [`---\na: &a [x]\nb: [${'*a,'.repeat(50)}]\nc: &c [${'*a,'.repeat(30)}]\nlicense: mit\n---\n`, /not valid YAML/],
  ])('never takes %j for harmless', (readme, why) => {
    expect(cardStatement(readme)).toEqual({ kind: 'unreadable', why: expect.stringMatching(why) });
  });

  it('has an answer for anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.boolean(), (text, framed) => {
        const { kind } = cardStatement(framed ? `---\n${text}\n---\n` : text);
        expect(['none', 'stated', 'unreadable']).toContain(kind);
      }),
    );
  });
});
