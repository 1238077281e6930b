import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/image/hash.ts';
import { legalFiles } from '../../../src/licensing/legal-files.ts';
import { canonicalIds, type LicenseLayerInput, licenseLayerFiles } from '../../../src/licensing/license-layer.ts';
import type { LicenseFacts } from '../../../src/licensing/license-manifest.ts';
import { REASON_MEANINGS } from '../../../src/policy/meanings.ts';
import { imageInputs } from '../../support/image/inputs.ts';
import { hubFile } from '../../support/policy/input.ts';

const revision = 'a'.repeat(40);
const bytes = (text: string) => new TextEncoder().encode(text);
const canonical = new Map([
  ['CC0-1.0', 'CC0 text'],
  ['MIT', 'MIT text <copyright holders>\n'],
  ['ISC', 'ISC text'],
]);

const mit = { declared: 'mit', spdx: 'MIT', class: 'permissive' as const, link: null };

function layer(
  extra: Partial<LicenseLayerInput> = {},
  upstream: Record<string, string> = {},
  facts: Partial<LicenseFacts> = {},
) {
  const inputs = imageInputs({ model: 'org/name', revision, license: mit, codes: ['license-permissive', 'gated'] });
  const files = licenseLayerFiles({
    facts: { ...inputs, baseLicenses: [], ...facts },
    legal: legalFiles(Object.keys(upstream).map((path) => hubFile(path))),
    texts: new Map(Object.entries(upstream).map(([path, text]) => [path, bytes(text)])),
    unreadable: [],
    canonical,
    ...extra,
  });
  const text = Object.fromEntries(files.map(({ path, content }) => [path, new TextDecoder().decode(content)]));
  return { files, text, manifest: JSON.parse(text['/licenses/manifest.json'] ?? '') };
}

const licensed = (declared: string | null, spdx: string | null): Partial<LicenseFacts> => ({
  license: { declared, spdx, class: null, link: null },
});

describe('licenseLayerFiles', () => {
  it('records what the image holds in another form, and nothing where that is nothing', () => {
    const resharded = [{ path: 'model.safetensors', sha256: 'f'.repeat(64), parts: ['a', 'b'] }];
    expect(layer({}, {}, { resharded }).manifest.resharded).toEqual(resharded);
    expect(layer({}, {}, { resharded: [] }).text).toEqual(layer().text);
    expect(layer().manifest).not.toHaveProperty('resharded');
  });

  it("keeps upstream's files as they are, under their names and the plain ones", () => {
    const { text, manifest } = layer({}, { 'License.md': 'Mine\r\n', NOTICE: 'N', 'x/USE_POLICY.md': 'P' });
    expect(Object.keys(text)).toEqual([
      '/licenses/CC0',
      '/licenses/manifest.json',
      '/licenses/model/LICENSE',
      '/licenses/model/License.md',
      '/licenses/model/NOTICE',
      '/licenses/model/x/USE_POLICY.md',
    ]);
    expect(text['/licenses/model/LICENSE']).toBe('Mine\r\n');
    expect(text['/licenses/model/License.md']).toBe('Mine\r\n');
    expect(text['/licenses/CC0']).toBe('CC0 text\n');
    const origin = { source: 'upstream', from: ['License.md'], sha256: sha256Hex('Mine\r\n') };
    expect(manifest.files.slice(1, 3)).toEqual([
      { path: '/licenses/model/LICENSE', ...origin, note: 'the same as /licenses/model/License.md' },
      { path: '/licenses/model/License.md', ...origin },
    ]);
  });

  it('says what the licence asks for, what was decided and why, and what the base brings along', () => {
    const license = {
      declared: 'llama3.1',
      spdx: 'LicenseRef-llama3.1',
      class: 'community-conditions' as const,
      link: 'https://example.org/terms',
    };
    const baseLicenses = [{ id: null, name: 'Apache 2', evidence: ['a label'], url: null }];
    const { manifest } = layer({}, {}, { license, baseLicenses });
    expect(manifest).toMatchObject({
      schemaVersion: 2,
      model: 'org/name',
      revision,
      variant: 'slim',
      license: {
        declared: 'llama3.1',
        effective: 'LicenseRef-llama3.1',
        class: 'community-conditions',
        link: 'https://example.org/terms',
      },
      obligations: [
        {
          id: 'LicenseRef-llama3.1',
          obligations: expect.arrayContaining([
            { code: 'naming:Built with Llama', meaning: expect.stringContaining('"Built with Llama"') },
          ]),
        },
      ],
      infrastructure: 'CC0-1.0',
      base: { digests: imageInputs().base, licenses: baseLicenses },
      decision: {
        variant: 'slim',
        reasons: [
          { code: 'gated', meaning: REASON_MEANINGS.gated },
          { code: 'license-permissive', meaning: REASON_MEANINGS['license-permissive'] },
        ],
      },
      notReadable: [],
    });
  });

  it('lists every file but itself with its sha256', () => {
    const { files, manifest } = layer({}, { LICENSE: 'L', NOTICE: 'N' });
    const hashes = files
      .filter(({ path }) => path !== '/licenses/manifest.json')
      .map(({ path, content }) => [path, createHash('sha256').update(content).digest('hex')]);
    expect(manifest.files.map(({ path, sha256 }: { path: string; sha256: string }) => [path, sha256])).toEqual(hashes);
  });

  it('supplies the canonical text when upstream has none, and says so first', () => {
    const { text, manifest } = layer();
    expect(text['/licenses/model/LICENSE']).toMatch(
      /^supplied by the publisher; copyright holder not stated upstream; org\/name@a{40}\n/,
    );
    expect(text['/licenses/model/LICENSE']).toContain('MIT text <copyright holders>\n');
    expect(text['/licenses/model/NOTICE']).toBeUndefined();
    expect(manifest.files[1]).toMatchObject({ source: 'publisher', from: ['MIT'] });
  });

  it('supplies every text that an expression names', () => {
    const { text, manifest } = layer({}, {}, licensed('mit AND isc', 'MIT AND ISC'));
    expect(text['/licenses/model/LICENSE']).toMatch(/MIT text[\s\S]*ISC text\n$/);
    expect(manifest.files[1].from).toEqual(['MIT', 'ISC']);
  });

  it('is honest about a licence whose text it does not have', () => {
    const { text, manifest } = layer({}, {}, licensed('gemma AND mit', 'LicenseRef-gemma AND MIT'));
    const license = text['/licenses/model/LICENSE'] ?? '';
    expect(license).toContain('The text of LicenseRef-gemma was not available');
    expect(license).toContain(`https://huggingface.co/org/name/tree/${revision}`);
    expect(manifest.files[1].note).toBe('text not available: LicenseRef-gemma');
  });

  it('says when nothing is declared', () => {
    const { text, manifest } = layer({}, {}, licensed(null, null));
    expect(text['/licenses/model/LICENSE']).toContain('Licence declared upstream: none');
    expect(manifest.files[1].note).toContain('no licence declared');
  });

  it('records what a gate hides', () => {
    const { text, manifest } = layer({ unreadable: ['NOTICE', 'LICENSE'] });
    expect(manifest.notReadable).toEqual([
      { path: 'LICENSE', reason: 'not readable, gated' },
      { path: 'NOTICE', reason: 'not readable, gated' },
    ]);
    expect(text['/licenses/model/LICENSE']).toContain('not readable here, because the repository is gated');
  });

  it("keeps the Hub's free text on its line", () => {
    const { text } = layer(
      {},
      {},
      {
        license: { ...mit, declared: 'x\nForged: yes\u202e', link: 'y\u2028z' },
      },
    );
    expect(text['/licenses/model/LICENSE']).toContain('Link given upstream, not followed: y z\n');
    expect(text['/licenses/model/LICENSE']).toContain('declared upstream: x Forged: yes \n');
  });

  it('gives the same bytes for the same input in any order', () => {
    const { base } = imageInputs();
    const one = layer({ unreadable: ['a', 'b'] }, { LICENSE: 'L', COPYING: 'C', NOTICE: 'N' }, { base });
    const shuffled = Object.fromEntries(Object.entries(base).reverse());
    const other = layer(
      { unreadable: ['b', 'a'] },
      { NOTICE: 'N', COPYING: 'C', LICENSE: 'L' },
      { base: shuffled, codes: ['gated', 'license-permissive'] },
    );
    expect(one.files).toEqual(other.files);
  });

  it('refuses what cannot be placed and what was not read', () => {
    expect(() => layer({}, { '../LICENSE': 'x' })).toThrow(/"..\/LICENSE"/);
    expect(() => layer({ texts: new Map() }, { LICENSE: 'x' })).toThrow(/was not read/);
    expect(() => layer({ canonical: new Map() })).toThrow(/CC0-1.0.txt is missing/);
  });
});

describe('canonicalIds', () => {
  it('are those of the expression and of what the publisher adds', () => {
    expect(canonicalIds('MIT OR LicenseRef-x')).toEqual(['CC0-1.0', 'MIT', 'LicenseRef-x']);
    expect(canonicalIds(null)).toEqual(['CC0-1.0']);
  });
});
