import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands/index.ts';
import { cli } from '../../support/cli/cli.ts';

describe('the command line', () => {
  it('without a command shows what there is, and exits 2', async () => {
    const { code, stdout, stderr } = await cli([]);
    expect(code).toBe(2);
    for (const { name } of commands) expect(stdout).toContain(`  ${name} `);
    expect(stderr).toBe('');
  });

  it.each([['--help'], ['-h'], ['help']])('%s shows the same, and exits 0', async (word) => {
    const { code, stdout } = await cli([word]);
    expect([code, stdout]).toEqual([0, (await cli([])).stdout]);
  });

  it.each(commands.map(({ name }) => name))('%s --help names every flag', async (name) => {
    const { code, stdout, stderr } = await cli([name, '--help']);
    const flags = Object.keys(commands.find((command) => command.name === name)?.flags ?? {});
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Usage: model-image-publisher ${name}`);
    for (const flag of [...flags, 'json', 'help']) expect(stdout).toContain(`--${flag}`);
  });

  it.each([[['plan', '--help', '--json']], [['--json']]])('%j still is one JSON document', async (argv) => {
    expect((await cli(argv)).json()).toHaveProperty('help');
  });

  it.each([
    [['destroy'], 'Unknown command `destroy`'],
    [['plan', '--nonsense'], '--nonsense'],
    [['plan', 'surplus'], 'takes no arguments'],
    [['plan', '--catalog'], '--catalog'],
    [['plan', '--json=yes'], '--json'],
    [['build'], 'takes SHORT'],
    [['build', 'a', 'b'], 'takes SHORT'],
    [['scan'], 'takes REF|SHORT'],
    [['scan', 'ghcr.io/a/b:c', '--fail-on', 'terrible'], '--fail-on'],
    [['build', 'a', '--variant', 'medium'], '--variant'],
    [['build', 'a', '--to', 'nowhere'], '--to'],
    [['build', 'a', '--to', 'oci:'], '--to'],
    [['build', 'a', '--builder', 'kaniko'], '--builder'],
    [['build', 'a', '--tag', 'not a tag'], '--tag'],
    [['scan', 'Not/A Reference!'], 'Not/A Reference!'],
  ])('%j exits 2 and says what is wrong', async (argv, what) => {
    const { code, stdout, stderr } = await cli(argv);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^usage: /);
    expect(stderr).toContain(what);
  });

  it('says an error as JSON too, when asked for JSON', async () => {
    const { code, stderr, json } = await cli(['plan', '--nonsense', '--json']);
    expect(code).toBe(2);
    expect(json()).toEqual({ error: { code: 'usage', message: expect.stringContaining('--nonsense') } });
    expect(stderr).toContain('--nonsense');
  });

  it('lists all wrong settings at once, without their values', async () => {
    const argv = ['plan', '--catalog', 'models.yaml', '--owner', 'acme'];
    const { code, stderr } = await cli(argv, { HF_TOKEN: 'canary-token', HF_ENDPOINT: 'canary', SCAN: 'never' });
    expect(code).toBe(2);
    for (const name of ['HF_TOKEN', 'HF_ENDPOINT', 'SCAN']) expect(stderr).toContain(name);
    expect(stderr).not.toContain('canary');
  });

  it('masks no setting that only sounds like a secret', async () => {
    const { stderr } = await cli(['destroy'], { MAX_TOKENS: 'destroy' });
    expect(stderr).toContain('`destroy`');
    expect((await cli(['destroy'], { MY_TOKEN: 'destroy' })).stderr).not.toContain('destroy');
  });
});
