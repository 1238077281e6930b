import { describe, expect, it } from 'vitest';
import { ownerIn } from '../../../src/cli/owner.ts';

describe('the owner a git remote names', () => {
  it.each([
    'https://github.com/acme/models',
    'https://github.com/acme/models.git',
    'https://x-access-token:secret@github.com/acme/models.git',
    'ssh://git@github.com/acme/models.git',
    'git@github.com:acme/models.git',
  ])('%s is acme', (remote) => expect(ownerIn(remote)).toBe('acme'));

  it.each(['/srv/git/models.git', '../acme/models', 'file:///srv/acme/models.git', 'C:/acme/models', ''])(
    '"%s" names nobody',
    (remote) => expect(ownerIn(remote)).toBeNull(),
  );
});
