import { readdir, readFile } from 'node:fs/promises';
import spdxLicenses from 'spdx-license-list/full.js';
import { describe, expect, it } from 'vitest';
import { HUB_LICENSES } from '../../../src/licensing/hub-licenses.ts';
import { licenseIndex } from '../../../src/licensing/license-index.ts';
import { obligationsOf } from '../../../src/licensing/obligations.ts';
import { canonicalText, LICENSES_DIRECTORY } from '../../../src/licensing/texts.ts';

const ids = HUB_LICENSES.flatMap(({ spdx }) => spdx ?? []);

describe('licenses/', () => {
  it.each(ids)('has the text of %s as SPDX publishes it, byte for byte', async (id) => {
    const vendored = await readFile(new URL(`texts/${id}.txt`, LICENSES_DIRECTORY));
    expect(vendored.equals(Buffer.from(spdxLicenses[id]?.licenseText ?? ''))).toBe(true);
    expect(vendored.length).toBeGreaterThan(300);
  });

  it('has a text for every permissive licence but openmdw-1.1, which SPDX does not list', () => {
    const permissive = HUB_LICENSES.filter((license) => license.class === 'permissive');
    expect(permissive.length).toBeGreaterThan(25);
    expect(permissive.filter(({ spdx }) => spdx === null).map(({ id }) => id)).toEqual(['openmdw-1.1']);
    expect(spdxLicenses['OpenMDW-1.1']).toBeUndefined();
  });

  it('has no other texts', async () => {
    const files = await readdir(new URL('texts/', LICENSES_DIRECTORY));
    expect(files.toSorted()).toEqual(ids.map((id) => `${id}.txt`).toSorted());
  });

  it('has an index of all 83 licences, each of which asks for something or is a dedication to the public', async () => {
    const index = licenseIndex(new Map());
    expect(index).toHaveLength(83);
    expect(index.filter(({ obligations }) => obligations.length === 0).map(({ hub }) => hub)).toEqual([
      'cc0-1.0',
      'pddl',
      'unlicense',
      'wtfpl',
    ]);
    const verbatim = index.filter(({ obligations }) => obligations.includes('unmodified-only'));
    expect(verbatim.map(({ hub }) => hub)).toEqual(['cc-by-nc-nd-3.0', 'cc-by-nc-nd-4.0', 'cc-by-nd-4.0']);
  });

  it('has an index that says what the code says', async () => {
    const names = new Map(ids.map((id) => [id, spdxLicenses[id]?.name ?? '']));
    const index = JSON.parse(await readFile(new URL('index.json', LICENSES_DIRECTORY), 'utf8'));
    expect(index).toEqual(licenseIndex(names));
  });
});

describe('canonicalText', () => {
  it('reads a text by its id', async () => {
    expect(await canonicalText('MIT')).toContain('Permission is hereby granted');
  });

  it.each(['GPL-3.0-or-later', 'LGPL-2.1-or-later', 'GPL-3.0', 'AGPL-3.0'])(
    'has that of %s, which SPDX publishes in the same words as that of this version only',
    async (id) => {
      expect(await canonicalText(id)).toBe(spdxLicenses[id]?.licenseText);
    },
  );

  it.each(['LicenseRef-x', 'GPL-9', '../index', '..', '', 'a/b', '%2e%2e/index'])('has none for %j', async (id) => {
    expect(await canonicalText(id)).toBeNull();
  });

  it('says which text cannot be read', async () => {
    await expect(canonicalText('x', new URL('file:///dev/null/'))).rejects.toMatchObject({ code: 'environment' });
  });
});

describe('obligationsOf', () => {
  it('follows class, name and the licence itself', () => {
    expect(obligationsOf('mit')).toEqual(['text']);
    expect(obligationsOf('Apache-2.0')).toEqual(['text', 'notice']);
    expect(obligationsOf('cc-by-nc-sa-4.0')).toEqual(['text', 'attribution', 'same-licence', 'non-commercial']);
    expect(obligationsOf('cc-by-nd-4.0')).toEqual(['text', 'attribution', 'unmodified-only']);
    expect(obligationsOf('llama3.1')).toContain('naming:Built with Llama');
    for (const id of ['llama3.2', 'llama3.3', 'llama4']) expect(obligationsOf(id)).toEqual(obligationsOf('llama3.1'));
    expect(obligationsOf('llama3')).toContain('naming:Built with Meta Llama 3');
    expect(obligationsOf('llama2')).toEqual(['text', 'notice', 'use-restrictions']);
    expect(obligationsOf('gemma')).toEqual(['text', 'notice', 'use-restrictions']);
    expect(obligationsOf('openmdw-1.1')).toEqual(['text', 'notice']);
    expect(obligationsOf('bigscience-bloom-rail-1.0')).toEqual(['text', 'use-restrictions']);
    expect(obligationsOf('ofl-1.1')).toContain('naming:not the reserved font names');
    expect(obligationsOf('gpl-3.0')).toEqual(['text', 'same-licence']);
    expect(obligationsOf('cc0-1.0')).toEqual([]);
    expect(obligationsOf('no-such')).toEqual([]);
  });
});
