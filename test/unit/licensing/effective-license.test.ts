import fc from 'fast-check';
import parseSpdx from 'spdx-expression-parse';
import { describe, expect, it } from 'vitest';
import { effectiveLicense, overriddenLicense } from '../../../src/licensing/effective-license.ts';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';

const declared = (ids: string[], name: string | null = null) => ({ ids, name, link: null });

describe('effectiveLicense', () => {
  it('knows all 83 ids of the Hub, in any case', () => {
    expect(HUB_LICENSES).toHaveLength(83);
    for (const { id, spdx, class: group } of HUB_LICENSES) {
      const effective = effectiveLicense(declared([` ${id.toUpperCase()} `]));
      expect(effective.class, id).toBe(group);
      if (spdx !== null) expect(effective.spdx).toBe(spdx);
      else expect(effective.spdx).toMatch(/^LicenseRef-/);
      expect(() => parseSpdx(effective.spdx ?? '')).not.toThrow();
    }
  });

  it('gives different licences different expressions', () => {
    expect(new Set(HUB_LICENSES.map(({ id }) => effectiveLicense(declared([id])).spdx)).size).toBe(83);
  });

  it.each<[string[], string | null, string | null, string | null]>([
    [[], null, null, null],
    [['', ' '], null, null, null],
    [['bsl-1.0'], null, 'BSL-1.0', 'permissive'],
    [['agpl-3.0'], null, 'AGPL-3.0-only', 'copyleft'],
    [['openrail++'], null, 'LicenseRef-openrail-plus-plus', 'rail-conditions'],
    [['llama3.1'], null, 'LicenseRef-llama3.1', 'community-conditions'],
    [['other'], 'Tencent License (v2)!', 'LicenseRef-Tencent-License-v2', 'unknown'],
    [['other'], null, 'LicenseRef-other', 'unknown'],
    [['other'], ' 日本 ', 'LicenseRef-unnamed', 'unknown'],
    [['other'], 'mit', 'LicenseRef-mit', 'unknown'],
    [['0BSD'], null, 'LicenseRef-0BSD', 'unknown'],
    [['constructor'], null, 'LicenseRef-constructor', 'unknown'],
    [['mit', 'MIT'], null, 'MIT', 'permissive'],
    [['mit', 'gemma'], null, 'MIT AND LicenseRef-gemma', 'community-conditions'],
    [['mit', ''], null, 'MIT AND LicenseRef-unnamed', 'unknown'],
    [['gpl', 'cc-by-nc-4.0'], null, 'LicenseRef-gpl AND CC-BY-NC-4.0', 'ambiguous-family'],
  ])('reads %j named %j as %s (%s)', (ids, name, spdx, group) => {
    expect(effectiveLicense(declared(ids, name))).toMatchObject({ spdx, class: group });
  });

  it('always gives an expression that parses', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constant('other'))), fc.option(fc.string()), (ids, name) => {
        const { spdx, class: group } = effectiveLicense(declared(ids, name));
        expect(spdx === null).toBe(group === null);
        if (spdx !== null) expect(() => parseSpdx(spdx)).not.toThrow();
      }),
    );
  });

  it('stays quick on hostile names', () => {
    expect(effectiveLicense(declared(['other'], '-'.repeat(5_000_000))).spdx).toBe('LicenseRef-unnamed');
    expect(effectiveLicense(declared(['other'], `a${'-'.repeat(5_000_000)}b`)).spdx).toBe('LicenseRef-a');
  });
});

describe('overriddenLicense', () => {
  const upstream = effectiveLicense(declared(['other'], 'x'));

  it('puts the override in the place of the expression and keeps what was declared', () => {
    expect(overriddenLicense(upstream, 'mit or apache-2.0')).toEqual({
      declared: 'other',
      spdx: 'MIT OR Apache-2.0',
      class: 'permissive',
    });
    expect(overriddenLicense(upstream, 'mit and LicenseRef-q').class).toBe('review');
  });

  it('changes nothing without a usable override', () => {
    expect(overriddenLicense(upstream, null)).toEqual(upstream);
    expect(overriddenLicense(upstream, 'MIT AND')).toEqual(upstream);
  });
});
