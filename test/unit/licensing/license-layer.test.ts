import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { legalFiles } from '../../../src/licensing/legal-files.ts';
import { canonicalIds, type LicenseLayerInput, licenseLayerFiles } from '../../../src/licensing/license-layer.ts';
import { hubFile } from '../../support/policy/input.ts';

const revision = 'a'.repeat(40);
const bytes = (text: string) => new TextEncoder().encode(text);
const canonical = new Map([
  ['CC0-1.0', 'CC0 text'],
  ['MIT', 'MIT text <copyright holders>\n'],
  ['ISC', 'ISC text'],
]);

function layer(extra: Partial<LicenseLayerInput> = {}, upstream: Record<string, string> = {}) {
  const files = licenseLayerFiles({
    model: { id: 'org/name', revision },
    license: { declared: 'mit', spdx: 'MIT' },
    legal: legalFiles(Object.keys(upstream).map((path) => hubFile(path))),
    texts: new Map(Object.entries(upstream).map(([path, text]) => [path, bytes(text)])),
    unreadable: [],
    canonical,
    ...extra,
  });
  const text = Object.fromEntries(files.map(({ path, content }) => [path, new TextDecoder().decode(content)]));
  return { files, text, manifest: JSON.parse(text['/licenses/manifest.json'] ?? '') };
}

describe('licenseLayerFiles', () => {
  it('records what the image holds in another form, and nothing where that is nothing', () => {
    const resharded = [{ path: 'model.safetensors', sha256: 'f'.repeat(64), parts: ['a', 'b'] }];
    expect(layer({ resharded }).manifest.resharded).toEqual(resharded);
    expect(layer({ resharded: [] }).text).toEqual(layer().text);
    expect(layer().manifest).not.toHaveProperty('resharded');
  });

  it("keeps upstream's files as they are, with further ones under their names", () => {
    const { text, manifest } = layer({}, { 'License.md': 'Mine\r\n', NOTICE: 'N', 'x/USE_POLICY.md': 'P' });
    expect(Object.keys(text)).toEqual([
      '/licenses/CC0',
      '/licenses/manifest.json',
      '/licenses/model/LICENSE',
      '/licenses/model/NOTICE',
      '/licenses/model/x/USE_POLICY.md',
    ]);
    expect(text['/licenses/model/LICENSE']).toBe('Mine\r\n');
    expect(text['/licenses/CC0']).toBe('CC0 text\n');
    expect(manifest).toMatchObject({
      model: 'org/name',
      revision,
      license: { declared: 'mit', effective: 'MIT' },
      notReadable: [],
    });
    expect(manifest.files[1]).toMatchObject({
      path: '/licenses/model/LICENSE',
      source: 'upstream',
      from: ['License.md'],
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
    const { text, manifest } = layer({ license: { declared: 'mit AND isc', spdx: 'MIT AND ISC' } });
    expect(text['/licenses/model/LICENSE']).toMatch(/MIT text[\s\S]*ISC text\n$/);
    expect(manifest.files[1].from).toEqual(['MIT', 'ISC']);
  });

  it('is honest about a licence whose text it does not have', () => {
    const { text, manifest } = layer({ license: { declared: 'gemma AND mit', spdx: 'LicenseRef-gemma AND MIT' } });
    const license = text['/licenses/model/LICENSE'] ?? '';
    expect(license).toContain('The text of LicenseRef-gemma was not available');
    expect(license).toContain(`https://huggingface.co/org/name/tree/${revision}`);
    expect(manifest.files[1].note).toBe('text not available: LicenseRef-gemma');
  });

  it('says when nothing is declared', () => {
    const { text, manifest } = layer({ license: { declared: null, spdx: null } });
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
    const { text } = layer({ license: { declared: 'x\nForged: yes\u202e', spdx: 'LicenseRef-x' } });
    expect(text['/licenses/model/LICENSE']).toContain('declared upstream: x Forged: yes \n');
  });

  it('gives the same bytes for the same input in any order', () => {
    const one = layer({ unreadable: ['a', 'b'] }, { LICENSE: 'L', COPYING: 'C', NOTICE: 'N' });
    const other = layer({ unreadable: ['b', 'a'] }, { NOTICE: 'N', COPYING: 'C', LICENSE: 'L' });
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
