import { describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import type { Hub } from '../../../src/huggingface/types.ts';
import { harvestLicenses } from '../../../src/licensing/harvest.ts';
import { imageInputs } from '../../support/image/inputs.ts';
import { hubFile } from '../../support/policy/input.ts';

const revision = 'a'.repeat(40);
const license = { declared: 'mit', spdx: 'MIT', class: 'permissive' as const, link: null };
const facts = { ...imageInputs({ model: 'org/old', revision, license }), baseLicenses: [] };
const request = { facts, hubId: 'org/new', legal: [], unreadable: [] };
const never: Pick<Hub, 'read'> = {
  read: async () => {
    throw new PublisherError('internal', 'nothing is to be read');
  },
};
const textOf = (files: { path: string; content: Uint8Array }[], path: string) =>
  new TextDecoder().decode(files.find((file) => file.path === path)?.content);

describe('harvestLicenses', () => {
  it('reads legal files under the name the Hub knows, within the limit', async () => {
    const asked: unknown[] = [];
    const hub: Pick<Hub, 'read'> = {
      read: async (at, file, maxBytes) => {
        asked.push([at, file.path, maxBytes]);
        return new TextEncoder().encode(`text of ${file.path}`);
      },
    };
    const files = await harvestLicenses({ ...request, legal: [hubFile('NOTICE'), hubFile('COPYING')] }, hub);
    expect(asked).toEqual([
      [{ id: 'org/new', revision }, 'COPYING', 1024 * 1024],
      [{ id: 'org/new', revision }, 'NOTICE', 1024 * 1024],
    ]);
    expect(textOf(files, '/licenses/model/LICENSE')).toBe('text of COPYING');
    expect(textOf(files, '/licenses/model/COPYING')).toBe('text of COPYING');
    expect(textOf(files, '/licenses/model/NOTICE')).toBe('text of NOTICE');
  });

  it('knows the file that the card links to by that link', async () => {
    const hub: Pick<Hub, 'read'> = { read: async (_, { path }) => new TextEncoder().encode(`text of ${path}`) };
    const linking = { ...facts, license: { ...license, link: 'docs/AGREEMENT' } };
    const files = await harvestLicenses({ ...request, facts: linking, legal: [hubFile('docs/AGREEMENT')] }, hub);
    expect(textOf(files, '/licenses/model/LICENSE')).toBe('text of docs/AGREEMENT');
    expect(textOf(files, '/licenses/model/docs/AGREEMENT')).toBe('text of docs/AGREEMENT');
  });

  it("takes this package's texts where upstream shows none", async () => {
    const files = await harvestLicenses({ ...request, unreadable: ['LICENSE'] }, never);
    expect(textOf(files, '/licenses/model/LICENSE')).toContain('Permission is hereby granted');
    expect(textOf(files, '/licenses/CC0')).toContain('CC0 1.0 Universal');
    expect(textOf(files, '/licenses/manifest.json')).toContain('not readable, gated');
  });

  it('refuses a legal file over the limit before reading any', async () => {
    const legal = [hubFile('LICENSE', { size: 2 ** 30 })];
    await expect(harvestLicenses({ ...request, legal }, never)).rejects.toMatchObject({ code: 'denied' });
  });
});
