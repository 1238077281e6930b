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

  it('has no other texts', async () => {
    const files = await readdir(new URL('texts/', LICENSES_DIRECTORY));
    expect(files.toSorted()).toEqual(ids.map((id) => `${id}.txt`).toSorted());
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
    expect(obligationsOf('cc0-1.0')).toEqual([]);
    expect(obligationsOf('no-such')).toEqual([]);
  });
});
