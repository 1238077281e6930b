import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

test('the App asks for the least: writing checks, comments, issues and the text of releases', async () => {
  const manifest = parse(await readFile(new URL('../../../app.yml', import.meta.url), 'utf8'));
  expect(manifest).toMatchObject({
    public: false,
    hook_attributes: { url: expect.stringMatching(/^https:\/\/.*\/api\/github\/webhooks$/) },
    default_permissions: {
      metadata: 'read',
      contents: 'write',
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
    'release',
  ]);
});
