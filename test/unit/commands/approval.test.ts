import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entry } from '../../support/demo/stories.ts';
import { tinyModel } from '../../support/hub/tiny.ts';
import { type Office, startOffice, type Team } from '../../support/review/office.ts';

const OPEN = 'acme/tiny-chat';
const LLAMA = 'meta/tiny-llama';

let office: Office;
beforeAll(async () => {
  office = await startOffice([tinyModel({ id: OPEN }), tinyModel({ id: LLAMA, license: 'llama3' })]);
});
afterAll(() => office.close());

const builtOf = (short: string) => office.built.filter((name) => name.startsWith(`hf-${short} `)).sort();

describe('a pull request from a fork', () => {
  async function fork(short: string): Promise<{ team: Team; pr: number }> {
    const team = office.team([]);
    team.github.setPermission('reader', false);
    const pr = await team.open(office.catalog([entry(OPEN, short)]), { fork: true, author: 'stranger' });
    return { team, pr };
  }
  const waiting = (short: string) => ({
    [`${short} · slim`]: 'action_required',
    [`${short} · fat`]: 'action_required',
    'models.yaml': 'success',
    'model-images': 'action_required',
  });

  test('is planned only, and its checks offer to approve it', async () => {
    const { team, pr } = await fork('fork-planned');
    await office.build();
    expect(team.checks(team.head(pr))).toEqual(waiting('fork-planned'));
    expect(builtOf('fork-planned')).toEqual([]);
    for (const name of ['model-images', 'fork-planned · slim', 'fork-planned · fat']) {
      expect(team.check(team.head(pr), name).actions.map(({ identifier }) => identifier)).toEqual(['approve']);
    }
    expect(team.report(pr)).toContain(`/approve ${team.head(pr).slice(0, 12)}`);
  });

  test('is built once somebody with write access approves its head; a push afterwards waits again', async () => {
    const { team, pr } = await fork('fork-approved');
    const head = team.head(pr);
    expect(await team.say(pr, 'maintainer', `/approve ${head.slice(0, 12)}`)).toEqual({
      reactions: ['rocket'],
      answer: null,
    });
    expect(team.checks(head)['fork-approved · fat']).toBe('queued');
    await office.build();
    expect(builtOf('fork-approved')).toEqual(['hf-fork-approved fat', 'hf-fork-approved slim']);
    expect(team.checks(head)['model-images']).toBe('success');
    const next = team.push(pr, office.catalog([entry(OPEN, 'fork-approved', 'serve_args: ["--x"]')]));
    await team.event(pr);
    await office.build();
    expect(team.checks(next)).toEqual(waiting('fork-approved'));
    expect(builtOf('fork-approved')).toHaveLength(2);
  });

  test.each<[string, (head: string) => string, string, string[]]>([
    ['with 11 digits', (head) => `/approve ${head.slice(0, 11)}`, 'maintainer', ['confused']],
    ['without a commit', () => '/approve', 'maintainer', ['confused']],
    ['of a commit that never was', () => `/approve ${'0'.repeat(40)}`, 'maintainer', ['confused']],
    ['by its author', (head) => `/approve ${head}`, 'stranger', ['-1']],
    ['by a reader', (head) => `/approve ${head}`, 'reader', ['-1']],
    ['by a bot', (head) => `/approve ${head}`, 'helper[bot]', []],
  ])('`/approve` %s builds nothing', async (what, body, author, reactions) => {
    const short = `fork-${what.replaceAll(' ', '-')}`.toLowerCase();
    const { team, pr } = await fork(short);
    team.github.setPermission('helper[bot]', true);
    expect((await team.say(pr, author, body(team.head(pr)))).reactions).toEqual(reactions);
    await office.build();
    expect(team.checks(team.head(pr))).toEqual(waiting(short));
    expect(builtOf(short)).toEqual([]);
  });

  test('`/approve` of an older commit builds nothing, and names the head', async () => {
    const { team, pr } = await fork('fork-older');
    const old = team.head(pr);
    const head = team.push(pr, null);
    await team.event(pr);
    const { reactions, answer } = await team.say(pr, 'maintainer', `/approve ${old}`);
    expect(reactions).toEqual(['confused']);
    expect(answer).toContain(`is \`${head.slice(0, 12)}\`, not \`${old.slice(0, 12)}\``);
    await office.build();
    expect(builtOf('fork-older')).toEqual([]);
  });

  test('a push between the comment and its job: what is not approved is not built', async () => {
    const { team, pr } = await fork('fork-raced');
    const looked = team.head(pr);
    const { reactions } = await team.sayThen(pr, 'maintainer', `/approve ${looked.slice(0, 12)}`, () => {
      team.push(pr, office.catalog([entry(OPEN, 'fork-raced', 'serve_args: ["--evil"]')]));
    });
    expect(reactions).toEqual(['confused']);
    await team.event(pr);
    await office.build();
    expect(team.checks(team.head(pr))).toEqual(waiting('fork-raced'));
    expect(builtOf('fork-raced')).toEqual([]);
  });

  test('a push between the approval and the review that it asks for: neither commit is built', async () => {
    const { team, pr } = await fork('fork-late');
    const looked = team.head(pr);
    const { react } = team.github;
    team.github.react = async (repo, id, reaction) => {
      await react(repo, id, reaction);
      if (reaction === 'rocket') team.push(pr, office.catalog([entry(OPEN, 'fork-late', 'serve_args: ["--evil"]')]));
    };
    expect((await team.say(pr, 'maintainer', `/approve ${looked}`)).reactions).toEqual(['rocket']);
    await office.build();
    expect(team.checks(team.head(pr))).toEqual(waiting('fork-late'));
    expect(builtOf('fork-late')).toEqual([]);
  });

  test('two commits with the same first digits: the one that was looked at does not vouch for the other', async () => {
    const { team, pr } = await fork('fork-twin');
    const looked = team.head(pr);
    const twin = `${looked.slice(0, 20)}${'0'.repeat(20)}`;
    const text = office.catalog([entry(OPEN, 'fork-twin', 'serve_args: ["--evil"]')]);
    team.github.addCommit(twin, { 'models.yaml': text });
    const { reactions } = await team.sayThen(pr, 'maintainer', `/approve ${looked.slice(0, 12)}`, () => {
      team.change(pr, { headSha: twin });
    });
    expect(reactions).toEqual(['confused']);
    await team.event(pr);
    await office.build();
    expect(team.checks(twin)).toEqual(waiting('fork-twin'));
    expect(builtOf('fork-twin')).toEqual([]);
  });

  test('`/rebuild` is no approval; once approved it builds again, and not what was pushed since', async () => {
    const { team, pr } = await fork('fork-rebuild');
    const refused = await team.say(pr, 'maintainer', '/rebuild fork-rebuild');
    expect(refused).toMatchObject({ reactions: ['confused'], answer: expect.stringContaining('not an approval') });
    await office.build();
    expect(builtOf('fork-rebuild')).toEqual([]);
    await team.say(pr, 'maintainer', `/approve ${team.head(pr)}`);
    await office.build();
    expect((await team.say(pr, 'maintainer', '/rebuild fork-rebuild slim')).reactions).toEqual(['rocket']);
    await office.build();
    expect(builtOf('fork-rebuild')).toEqual(['hf-fork-rebuild fat', 'hf-fork-rebuild slim', 'hf-fork-rebuild slim']);
    // Not looked at by anybody yet, not even by the bot.
    team.push(pr, office.catalog([entry(OPEN, 'fork-rebuild', 'serve_args: ["--evil"]')]));
    expect((await team.say(pr, 'maintainer', '/rebuild all')).answer).toContain('not an approval');
    await office.build();
    expect(builtOf('fork-rebuild')).toHaveLength(3);
  });

  test('the Approve button does what the comment does, for who may push and for the head alone', async () => {
    const { team, pr } = await fork('fork-button');
    const old = team.head(pr);
    await team.click(pr, 'approve', 'model-images', 'reader');
    await team.click(pr, 'rebuild', 'fork-button · slim', 'maintainer');
    await team.click(pr, 'rerun', 'model-images', 'maintainer');
    await team.click(pr, 'rerun', 'fork-button · fat', 'maintainer');
    await office.build();
    expect(builtOf('fork-button')).toEqual([]);
    const head = team.push(pr, null);
    await team.event(pr);
    await team.click(pr, 'approve', 'model-images', 'maintainer', old);
    await office.build();
    expect(builtOf('fork-button')).toEqual([]);
    await team.click(pr, 'approve', 'fork-button · slim', 'maintainer');
    await office.build();
    expect(builtOf('fork-button')).toEqual(['hf-fork-button fat', 'hf-fork-button slim']);
    expect(team.checks(head)['model-images']).toBe('success');
  });

  test('whose repository was deleted is still a fork', async () => {
    const { team, pr } = await fork('fork-deleted');
    team.change(pr, { headRepoId: null });
    team.push(pr, office.catalog([entry(OPEN, 'fork-deleted', 'serve_args: ["--x"]')]));
    await team.event(pr);
    await office.build();
    expect(builtOf('fork-deleted')).toEqual([]);
  });
});

describe('rules that a pull request loosens for itself', () => {
  const WHITELIST = 'spdx_permissive_whitelist: [apache-2.0, mit, LicenseRef-llama3]';

  test('a longer whitelist: the fat image is denied, and the weakening is the first thing the comment says', async () => {
    const team = office.team([]);
    const pr = await team.open(office.catalog([entry(LLAMA, 'loose')], [WHITELIST]));
    await office.build();
    expect(team.checks(team.head(pr))).toMatchObject({
      'loose · slim': 'success',
      'loose · fat': 'neutral',
      'model-images': 'success',
    });
    expect(builtOf('loose')).toEqual(['hf-loose slim']);
    const [, , heading, , weakening] = team.report(pr).split('\n');
    expect(heading).toBe('#### To be reviewed by a person');
    expect(weakening).toContain('gains LicenseRef-llama3; that takes effect after merge');
  });

  test('once merged they hold: the next pull request has its fat image', async () => {
    const team = office.team([], [WHITELIST]);
    const pr = await team.open(office.catalog([entry(LLAMA, 'allowed')], [WHITELIST]));
    await office.build();
    expect(team.checks(team.head(pr))['allowed · fat']).toBe('success');
    expect(team.report(pr)).not.toContain('To be reviewed');
  });

  test('into another branch than the default one: the default branch decides', async () => {
    const team = office.team([]);
    team.branch('release', office.catalog([], [WHITELIST]));
    const pr = await team.open(office.catalog([entry(LLAMA, 'side')], [WHITELIST]), { base: 'release' });
    await office.build();
    expect(team.checks(team.head(pr))['side · fat']).toBe('neutral');
    expect(team.report(pr)).toContain('gains LicenseRef-llama3');
  });
});

describe('a licence override that a pull request brings', () => {
  test.each([
    ['permissive', 'permissive: true'],
    ['spdx', 'override_spdx: "MIT"'],
  ])('%s: slim is built, fat waits for an approval of the head', async (what, line) => {
    const short = `over-${what}`;
    const team = office.team([]);
    team.github.setPermission('reader', false);
    const pr = await team.open(office.catalog([entry(LLAMA, short, line)]));
    const head = team.head(pr);
    await office.build();
    expect(team.checks(head)).toMatchObject({
      [`${short} · slim`]: 'success',
      [`${short} · fat`]: 'action_required',
      'model-images': 'action_required',
    });
    expect(team.report(pr)).toContain(`\`${short}\` overrides what the Hub says of its licence`);
    await team.say(pr, 'reader', `/approve ${head}`);
    await team.click(pr, 'approve', 'model-images', 'reader');
    expect((await team.say(pr, 'maintainer', `/rebuild ${short}`)).reactions).toEqual(['rocket']);
    await office.build();
    expect(builtOf(short)).toEqual([`hf-${short} slim`, `hf-${short} slim`]);
    await team.click(pr, 'approve', `${short} · fat`, 'maintainer');
    await office.build();
    expect(builtOf(short)).toContain(`hf-${short} fat`);
    expect(team.checks(head)['model-images']).toBe('success');
  });

  test('is not asked about again when the default branch has the same one', async () => {
    const line = 'permissive: true';
    const team = office.team([entry(LLAMA, 'known', line)]);
    const pr = await team.open(office.catalog([entry(LLAMA, 'known', line, 'serve_args: ["--x"]')]));
    await office.build();
    expect(team.checks(team.head(pr))).toMatchObject({ 'known · fat': 'success', 'model-images': 'success' });
  });

  test('for another model under the same short is a new one', async () => {
    const line = 'permissive: true';
    const team = office.team([entry(OPEN, 'swapped', line)]);
    const pr = await team.open(office.catalog([entry(LLAMA, 'swapped', line)]));
    await office.build();
    expect(team.checks(team.head(pr))['swapped · fat']).toBe('action_required');
    expect(builtOf('swapped')).toEqual(['hf-swapped slim']);
  });
});
