import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

test('the App asks for the least: reading contents, writing only checks and comments', async () => {
  const manifest = parse(await readFile(new URL('../../../app.yml', import.meta.url), 'utf8'));
  expect(manifest).toMatchObject({
    public: false,
    hook_attributes: { url: expect.stringMatching(/^https:\/\/.*\/api\/github\/webhooks$/) },
    default_permissions: {
      metadata: 'read',
      contents: 'read',
      checks: 'write',
      pull_requests: 'write',
      issues: 'write',
      merge_queues: 'read',
    },
  });
  expect(Object.keys(manifest.default_permissions)).toHaveLength(6);
  expect(manifest.default_events.toSorted()).toEqual([
    'check_run',
    'check_suite',
    'issue_comment',
    'merge_group',
    'pull_request',
    'push',
  ]);
});
