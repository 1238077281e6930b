import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/log.ts';
import { isServed } from '../../src/main.ts';

const serves = (owner: string, ownerAllow: string[] | null) =>
  isServed(owner, { environment: { ownerAllow }, logger: silentLogger }, { owner: async () => 'Acme' });

describe('whose installations are served', () => {
  test('without OWNER_ALLOW the account that owns the App, whatever the case of its name, and no other', async () => {
    expect(await serves('acme', null)).toBe(true);
    expect(await serves('evil', null)).toBe(false);
  });

  test('with it the accounts it names, and then not the App’s own by itself', async () => {
    expect(await serves('Team', ['tEAM', 'other'])).toBe(true);
    expect(await serves('acme', ['team', 'other'])).toBe(false);
    expect(await serves('team-2', ['team'])).toBe(false);
  });

  test('an App whose owner cannot be asked for is not served by default: the job is tried again', async () => {
    const down = { owner: async () => Promise.reject(new Error('GitHub is down')) };
    const asked = isServed('acme', { environment: { ownerAllow: null }, logger: silentLogger }, down);
    await expect(asked).rejects.toThrow('GitHub is down');
  });
});
