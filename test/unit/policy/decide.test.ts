import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ancestor, ModelFacts } from '../../../src/huggingface/types.ts';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';
import { conclude, decide } from '../../../src/policy/decide.ts';
import type { Decision, PolicyInput, Reason } from '../../../src/policy/types.ts';
import { hubFile, modelFacts, policyInput, WHITELIST } from '../../support/policy/input.ts';

const codes = ({ reasons }: Decision) => reasons.map(({ code, effect }) => `${effect} ${code}`);
/** A parent under these licences; null cannot be read. */
function ancestor(ids: string[] | null): Ancestor {
  const license = { ids: ids ?? [], name: null, link: null };
  return {
    id: 'acme/parent',
    path: ['acme/parent'],
    answer:
      ids === null ? { kind: 'unknown', message: 'not there' } : { kind: 'read', revision: 'd'.repeat(40), license },
  };
}
const declaring = (...ids: string[]): Partial<ModelFacts> => ({ license: { ids, name: null, link: null } });

describe('licences of the Hub', () => {
  const permitted = new Set(WHITELIST);

  it.each(HUB_LICENSES)(
    '$id: as the table says by default, when gated, and with an override',
    ({ id, class: group }) => {
      const vague = group === 'unknown' || group === 'ambiguous-family';
      const expected = permitted.has(id)
        ? 'allows license-permissive'
        : `denies-fat ${vague ? 'license-unknown' : 'license-not-permissive'}`;
      const plain = decide(policyInput({}, declaring(id)));
      expect(codes(plain)).toEqual([expected]);
      expect(plain).toMatchObject({ slim: 'build', fat: permitted.has(id) ? 'build' : 'skip', gated: false });
      expect(plain.license.class).toBe(group);

      const gated = decide(policyInput({}, { ...declaring(id), gated: 'auto' }));
      expect(codes(gated).toSorted()).toEqual([expected, 'denies-fat gated'].toSorted());
      expect(gated).toMatchObject({ slim: 'build', fat: 'skip', gated: true });

      const overridden = decide(policyInput({ overrideSpdx: 'apache-2.0 OR GPL-3.0-only' }, declaring(id)));
      expect(codes(overridden)).toEqual(['allows license-override']);
      expect(overridden.fat).toBe('build');
      expect(overridden.license).toMatchObject({ declared: id, spdx: 'Apache-2.0 OR GPL-3.0-only' });
    },
  );

  it.each<[string[], string]>([
    [[], 'denies-fat license-missing'],
    [['never-heard-of'], 'denies-fat license-unknown'],
    [['0bsd'], 'denies-fat license-unknown'],
    [['mit', 'apache-2.0'], 'allows license-permissive'],
    [['mit', 'gpl-3.0'], 'denies-fat license-not-permissive'],
    [['mit', 'other'], 'denies-fat license-unknown'],
  ])('declared as %j gives %s', (ids, expected) => {
    expect(codes(decide(policyInput({}, declaring(...ids))))).toEqual([expected]);
  });

  it('compares by SPDX: the list may hold references, deprecated ids and any case', () => {
    const whitelist = ['LicenseRef-llama3.1', 'GPL-3.0'];
    expect(decide(policyInput({ whitelist }, declaring('llama3.1'))).fat).toBe('build');
    expect(decide(policyInput({ whitelist }, declaring('gpl-3.0'))).fat).toBe('build');
    expect(decide(policyInput({ whitelist }, declaring('mit'))).fat).toBe('skip');
  });

  it('never takes the name given with `other` for a licence', () => {
    const license = { ids: ['other'], name: 'mit', link: null };
    const decision = decide(policyInput({ whitelist: ['mit', 'LicenseRef-mit', 'LicenseRef-other'] }, { license }));
    expect(codes(decision)).toEqual(['denies-fat license-unknown']);
  });
});

describe('README.md beside the metadata', () => {
  const readme = (...ids: string[]): Partial<ModelFacts> => ({
    card: { kind: 'stated', license: { ids, name: null, link: null } },
  });

  it.each<[string[], Partial<ModelFacts>, string, string | null]>([
    [['mit'], readme('mit'), 'allows license-permissive', 'MIT'],
    [['MIT'], readme('mit'), 'allows license-permissive', 'MIT'],
    [['mit'], readme('apache-2.0'), 'allows license-permissive', 'MIT AND Apache-2.0'],
    [['mit'], readme('llama3.1'), 'denies-fat license-not-permissive', 'MIT AND LicenseRef-llama3.1'],
    [['llama3.1'], readme('mit'), 'denies-fat license-not-permissive', 'LicenseRef-llama3.1 AND MIT'],
    [['mit'], readme('other'), 'denies-fat license-unknown', 'MIT AND LicenseRef-other'],
    [['mit', 'isc'], readme('isc', 'mit'), 'allows license-permissive', 'MIT AND ISC'],
    [[], readme('mit'), 'denies-fat license-missing', null],
    [['mit'], { card: { kind: 'unreadable', why: 'no YAML' } }, 'denies-fat license-unknown', 'MIT'],
    [['mit'], { card: { kind: 'none' } }, 'allows license-permissive', 'MIT'],
  ])('metadata %j and %j: %s', (ids, card, expected, spdx) => {
    const decision = decide(policyInput({}, { ...declaring(...ids), ...card }));
    expect(codes(decision)).toEqual([expected]);
    expect(decision.license.spdx).toBe(spdx);
  });
});

describe('lineage', () => {
  const over = (lineage: Ancestor[], extra: Partial<PolicyInput> = {}) => decide(policyInput(extra, { lineage }));

  it.each<[string[] | null, string | null]>([
    [['mit'], null],
    [['apache-2.0', 'mit'], null],
    [['llama3.1'], 'lineage-stricter'],
    [['mit', 'cc-by-nc-4.0'], 'lineage-stricter'],
    [['other'], 'lineage-stricter'],
    [['gpl'], 'lineage-stricter'],
    [[], 'lineage-unknown'],
    [null, 'lineage-unknown'],
  ])('a base model under %j: %s', (ids, code) => {
    const plain = over([ancestor(['mit']), ancestor(ids)]);
    expect(codes(plain)).toEqual([...(code === null ? [] : [`denies-fat ${code}`]), 'allows license-permissive']);
    for (const extra of [{ permissive: true }, { overrideSpdx: 'MIT' }] as const) {
      const overridden = over([ancestor(ids)], extra);
      expect(overridden.fat).toBe('build');
      expect(codes(overridden)).toEqual([...(code === null ? [] : [`warns ${code}`]), 'allows license-override']);
    }
    for (const extra of [
      { permissive: false },
      { overrideSpdx: 'GPL-3.0-only' },
      { overrideSpdx: 'MIT AND' },
    ] as const) {
      const denied = over([ancestor(ids)], extra);
      expect(denied.fat).toBe('skip');
      if (code !== null) expect(codes(denied)).toContain(`denies-fat ${code}`);
    }
  });

  it('names the way to a distant ancestor, and does not list a hundred', () => {
    const far = { ...ancestor(['llama3.1']), id: 'meta/llama', path: ['acme/mid', 'meta/llama'] };
    expect(over([far]).reasons[0]?.message).toMatch(/"meta\/llama" \(by way of "acme\/mid"\).*llama3\.1/);
    const many = over(Array.from({ length: 30 }, () => far));
    expect(many.reasons).toHaveLength(5);
    expect(many.reasons[3]?.message).toContain('27 more');
  });
});

describe('the catalog on licences', () => {
  it.each<[Partial<PolicyInput>, string]>([
    [{ permissive: true }, 'allows license-override'],
    [{ permissive: false }, 'denies-fat license-not-permissive'],
    [{ permissive: false, overrideSpdx: 'MIT' }, 'denies-fat license-not-permissive'],
    [{ overrideSpdx: 'MIT' }, 'allows license-override'],
    [{ overrideSpdx: 'MIT AND GPL-3.0-only' }, 'denies-fat license-not-permissive'],
    [{ overrideSpdx: 'LicenseRef-mine' }, 'denies-fat license-not-permissive'],
    [{ overrideSpdx: 'MIT AND' }, 'denies-fat license-unknown'],
    [{ overrideSpdx: '' }, 'denies-fat license-unknown'],
    [{ overrideSpdx: 'MIT AND', permissive: true }, 'denies-fat license-unknown'],
  ])('%j decides as %s', (extra, expected) => {
    expect(codes(decide(policyInput(extra, declaring('gemma'))))).toEqual([expected]);
  });

  it('cannot hide danger: `permissive: true` and `gated: false` change licence rules only', () => {
    const decision = decide(
      policyInput(
        { permissive: true, gated: false, limits: { fatMaxBytes: 1, layerMaxBytes: 1 } },
        {
          gated: 'manual',
          files: [hubFile('model.safetensors', { security: 'unsafe' })],
          remoteCode: [{ file: 'config.json', repository: 'other/repo' }],
        },
      ),
    );
    expect(decision).toMatchObject({ slim: 'build', fat: 'skip', gated: true });
    expect(codes(decision)).toEqual([
      'denies-fat gated',
      'denies-fat unsafe-files',
      'denies-fat remote-code',
      'denies-fat too-large',
      'denies-fat layer-too-large',
      'allows license-override',
    ]);
    expect(decision.reasons[0]?.message).toContain('gated: false');
  });

  it('may be stricter than the Hub on gating', () => {
    const decision = decide(policyInput({ gated: true }));
    expect(codes(decision)).toEqual(['denies-fat gated', 'allows license-permissive']);
    expect(decision.gated).toBe(true);
  });
});

describe('a model that cannot be read', () => {
  it.each<[Exclude<PolicyInput['facts']['kind'], 'found'>, string]>([
    ['not-found', 'not-found'],
    ['private', 'private'],
    ['disabled', 'disabled'],
    ['unavailable', 'hub-unavailable'],
  ])('%s fails both variants, whatever the catalog says', (kind, code) => {
    const facts = { kind, message: 'so it is' };
    const decision = decide(policyInput({ facts, choice: null, permissive: true, gated: false }));
    expect(codes(decision)).toEqual([`fails ${code}`]);
    expect(decision).toMatchObject({ slim: 'fail', fat: 'fail', gated: null, license: { declared: null, spdx: null } });
  });

  it('denies fat when only a token can see it, which only a granted account is told', () => {
    expect(decide(policyInput({ permissive: true }, { private: true }))).toMatchObject({ slim: 'build', fat: 'skip' });
  });
});

describe('files', () => {
  it('denies what the scanners flag, and only in files that are embedded', () => {
    const files = [hubFile('config.json'), hubFile('evil.bin', { security: 'suspicious' })];
    expect(codes(decide(policyInput({}, { files })))).toContain('denies-fat unsafe-files');
    const choice = { paths: ['config.json'], bytes: 100, incompatible: null };
    expect(codes(decide(policyInput({ choice }, { files })))).toEqual(['allows license-permissive']);
  });

  it.each(['caution', 'queued', 'unscanned', 'error'] as const)('warns of files whose verdict is "%s"', (security) => {
    const decision = decide(policyInput({}, { files: [hubFile('model.safetensors', { security })] }));
    expect(codes(decision)).toEqual(['warns unsafe-files', 'allows license-permissive']);
    expect(decision.fat).toBe('build');
    expect(decision.reasons[0]?.message).toContain(security);
  });

  it('says nothing where the Hub says nothing', () => {
    const decision = decide(policyInput({}, { files: [hubFile('model.safetensors', { security: null })] }));
    expect(codes(decision)).toEqual(['allows license-permissive']);
  });

  it('says when the weights are pickles', () => {
    const decision = decide(policyInput({}, { files: [hubFile('pytorch_model.bin')] }));
    expect(codes(decision)).toEqual(['warns unsafe-files', 'allows license-permissive']);
  });

  it.each(['queued', 'unscanned', 'caution', 'error', null] as const)(
    'denies %s files where the catalog wants all cleared',
    (security) => {
      const decision = decide(
        policyInput(
          { unscanned: 'deny' },
          { files: [hubFile('config.json'), hubFile('model.safetensors', { security })] },
        ),
      );
      expect(codes(decision)).toContain('denies-fat unsafe-files');
      expect(decision).toMatchObject({ slim: 'build', fat: 'skip' });
    },
  );

  it("denies another repository's code and warns of the model's own, naming files", () => {
    const decision = decide(
      policyInput(
        {},
        {
          remoteCode: [
            { file: 'config.json', repository: 'other/repo' },
            { file: 'modeling_x.py', repository: null },
          ],
        },
      ),
    );
    expect(codes(decision)).toEqual(['denies-fat remote-code', 'warns remote-code', 'allows license-permissive']);
    expect(decision.reasons[0]?.message).toContain('"other/repo"');
    expect(decision.reasons[1]?.message).toContain('"modeling_x.py"');
  });

  it('fails what the engine cannot load, with the reason of the choice', () => {
    const choice = { paths: [], bytes: 0, incompatible: 'Only GGUF files.' };
    const decision = decide(policyInput({ choice }));
    expect(decision).toMatchObject({ slim: 'fail', fat: 'fail' });
    expect(decision.reasons[0]).toEqual({ code: 'runtime-incompatible', effect: 'fails', message: 'Only GGUF files.' });
  });

  it.each([null, { paths: [], bytes: 0, incompatible: null }, { paths: ['gone'], bytes: 0, incompatible: null }])(
    'fails closed on the choice %j',
    (choice) => {
      expect(codes(decide(policyInput({ choice })))).toContain('fails runtime-incompatible');
    },
  );

  it('denies fat by size in all and by size of one file, naming it', () => {
    const all = decide(policyInput({ limits: { fatMaxBytes: 1099, layerMaxBytes: 5000 } }));
    expect(codes(all)).toEqual(['denies-fat too-large', 'allows license-permissive']);
    const one = decide(policyInput({ limits: { fatMaxBytes: 1100, layerMaxBytes: 999 } }));
    expect(codes(one)).toEqual(['denies-fat layer-too-large', 'allows license-permissive']);
    expect(one.reasons[0]?.message).toContain('"model.safetensors"');
    expect(decide(policyInput({ limits: { fatMaxBytes: Number.NaN, layerMaxBytes: Number.NaN } })).fat).toBe('skip');
  });

  it('lets a file above the layer limit be split where that is possible, and tells why where it is not', () => {
    const limits = { fatMaxBytes: 1100, layerMaxBytes: 999 };
    const possible = decide(policyInput({ limits, reshard: new Map([['model.safetensors', { kind: 'possible' }]]) }));
    expect(codes(possible)).toEqual(['allows license-permissive']);
    const refused = { kind: 'refused', why: 'has one tensor too many' } as const;
    const denied = decide(policyInput({ limits, reshard: new Map([['model.safetensors', refused]]) }));
    expect(codes(denied)).toEqual(['denies-fat layer-too-large', 'allows license-permissive']);
    expect(denied.reasons[0]?.message).toContain('of the registries it goes to, and has one tensor too many.');
    const framing = decide(policyInput({ reshard: new Map([['model.safetensors', refused]]) }));
    expect(codes(framing)).toContain('denies-fat layer-too-large');
  });
});

describe('every reason', () => {
  it('is one plain sentence in which names from outside are harmless', () => {
    const hostile = 'a"\n\u202e`@everyone`\u0000';
    const decision = decide(
      policyInput(
        { limits: { fatMaxBytes: 1, layerMaxBytes: 1 } },
        {
          license: { ids: ['other'], name: hostile, link: null },
          gated: 'auto',
          files: [hubFile(hostile, { security: 'unsafe' }), hubFile('x.bin')],
          remoteCode: [{ file: hostile, repository: hostile }],
        },
      ),
    );
    expect(decision.reasons.length).toBeGreaterThan(5);
    for (const { message } of decision.reasons) {
      expect(message).toMatch(/^[^\p{Cc}\u202e]+[.)]$/u);
    }
  });
});

describe('conclude', () => {
  it('needs something that allows', () => {
    expect(conclude([])).toEqual({ slim: 'build', fat: 'skip', reasons: [] });
  });

  it('puts failures first, then denials, warnings and permissions, each in the order given', () => {
    const reason = (effect: Reason['effect'], message: string): Reason => ({ code: 'gated', effect, message });
    const given = [
      reason('allows', 'a'),
      reason('warns', 'b'),
      reason('denies-fat', 'c'),
      reason('fails', 'd'),
      reason('denies-fat', 'e'),
    ];
    expect(conclude(given).reasons.map(({ message }) => message)).toEqual(['d', 'c', 'e', 'b', 'a']);
  });
});

describe('monotony', () => {
  const rank = { build: 2, skip: 1, fail: 0 } as const;

  const facts = fc
    .record({
      ids: fc.array(fc.constantFrom('mit', 'gemma', 'other', 'gpl-3.0', 'gpl', 'x'), { maxLength: 2 }),
      gated: fc.constantFrom<ModelFacts['gated']>(false, 'auto', 'manual'),
      private: fc.boolean(),
      security: fc.constantFrom('safe', 'unsafe', 'queued', null),
      size: fc.nat(20_000),
      own: fc.boolean(),
      foreign: fc.boolean(),
      readme: fc.option(fc.array(fc.constantFrom('mit', 'gemma', 'other', 'isc'), { minLength: 1, maxLength: 2 })),
      lineage: fc.array(
        fc.option(fc.array(fc.constantFrom('mit', 'gemma', 'gpl'), { maxLength: 2 })).map((one) => ancestor(one)),
        { maxLength: 3 },
      ),
    })
    .map(({ ids, gated, security, size, own, foreign, readme, lineage, ...rest }) =>
      modelFacts({
        license: { ids, name: null, link: null },
        card: readme === null ? { kind: 'none' } : { kind: 'stated', license: { ids: readme, name: null, link: null } },
        lineage,
        gated,
        private: rest.private,
        files: [hubFile('config.json'), hubFile('model.safetensors', { size, security })],
        remoteCode: [
          ...(own ? [{ file: 'a.py', repository: null }] : []),
          ...(foreign ? [{ file: 'b.json', repository: 'other/repo' }] : []),
        ],
      }),
    );

  const input: fc.Arbitrary<PolicyInput> = fc
    .record({
      facts,
      permissive: fc.constantFrom<PolicyInput['permissive']>('auto', true, false),
      overrideSpdx: fc.constantFrom(null, 'MIT', 'GPL-3.0-only', 'MIT OR', 'MIT OR LicenseRef-x'),
      gated: fc.constantFrom<PolicyInput['gated']>('auto', true, false),
      whitelist: fc.subarray([...WHITELIST, 'LicenseRef-gemma', 'gpl-3.0']),
      limits: fc.record({ fatMaxBytes: fc.nat(20_000), layerMaxBytes: fc.nat(20_000) }),
      unscanned: fc.constantFrom<PolicyInput['unscanned']>('warn', 'deny'),
    })
    .map(({ facts: found, ...rest }) => policyInput(rest, found));

  type Restriction = (input: PolicyInput) => PolicyInput;
  const onFacts =
    (change: (facts: ModelFacts) => ModelFacts): Restriction =>
    (from) =>
      from.facts.kind === 'found' ? { ...from, facts: { kind: 'found', facts: change(from.facts.facts) } } : from;

  const restrictions: Record<string, Restriction> = {
    'gated by the Hub': onFacts((found) => ({ ...found, gated: 'manual' })),
    'gated by the catalog': (from) => ({ ...from, gated: true }),
    private: onFacts((found) => ({ ...found, private: true })),
    'a shorter whitelist': (from) => ({ ...from, whitelist: from.whitelist.slice(1) }),
    'an empty whitelist': (from) => ({ ...from, whitelist: [] }),
    'no permission by hand': (from) => ({ ...from, permissive: false }),
    'a malformed override': (from) => ({ ...from, overrideSpdx: 'MIT AND' }),
    'half the bytes': ({ limits, ...from }) => ({
      ...from,
      limits: { ...limits, fatMaxBytes: limits.fatMaxBytes / 2 },
    }),
    'half a layer': ({ limits, ...from }) => ({
      ...from,
      limits: { ...limits, layerMaxBytes: limits.layerMaxBytes / 2 },
    }),
    'an unsafe file': onFacts((found) => ({
      ...found,
      files: found.files.map((file) => ({ ...file, security: 'unsafe' })),
    })),
    'foreign code': onFacts((found) => ({
      ...found,
      remoteCode: [...found.remoteCode, { file: 'config.json', repository: 'other/repo' }],
    })),
    'one more licence': onFacts((found) => ({
      ...found,
      license: { ...found.license, ids: [...found.license.ids, 'cc-by-nc-4.0'] },
    })),
    'another licence in README.md': onFacts((found) => ({
      ...found,
      card: { kind: 'stated', license: { ids: ['cc-by-nc-4.0'], name: null, link: null } },
    })),
    'a README.md nobody understands': onFacts((found) => ({ ...found, card: { kind: 'unreadable', why: 'YAML' } })),
    'a stricter base model': onFacts((found) => ({ ...found, lineage: [...found.lineage, ancestor(['llama3.1'])] })),
    'a base model without licence': onFacts((found) => ({ ...found, lineage: [...found.lineage, ancestor([])] })),
    'a base model out of reach': onFacts((found) => ({ ...found, lineage: [...found.lineage, ancestor(null)] })),
    'scanners that have to be done': (from) => ({ ...from, unscanned: 'deny' }),
    'nothing to load': (from) => ({ ...from, choice: { paths: [], bytes: 0, incompatible: 'no' } }),
    'a Hub that is away': (from) => ({ ...from, facts: { kind: 'unavailable', message: 'away' }, choice: null }),
  };

  it.each(Object.entries(restrictions))('%s never turns a denial into a permission', (_, restrict) => {
    fc.assert(
      fc.property(input, (from) => {
        const before = decide(from);
        const after = decide(restrict(from));
        expect(rank[after.fat]).toBeLessThanOrEqual(rank[before.fat]);
        expect(rank[after.slim]).toBeLessThanOrEqual(rank[before.slim]);
      }),
    );
  });

  it('is a pure function', () => {
    fc.assert(
      fc.property(input, (from) => {
        expect(decide(structuredClone(from))).toEqual(decide(from));
      }),
    );
  });
});
