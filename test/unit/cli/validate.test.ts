import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cli } from '../../support/cli/cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-validate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function validate(content: string | Uint8Array, ...flags: string[]) {
  const path = join(folder, 'catalog.yaml');
  await writeFile(path, content);
  return cli(['validate', '--catalog', path, ...flags]);
}

const GOOD = 'defaults:\n  base_image: "vllm/vllm-openai:v0.6.0"\nmodels:\n  - id: acme/tiny\n    short: tiny\n';

describe('validate', () => {
  it('finds a good catalog valid', async () => {
    const { code, json, stderr } = await validate(GOOD, '--json');
    expect([code, stderr]).toEqual([0, '']);
    expect(json()).toMatchObject({ valid: true, problems: [] });
  });

  it('says where a bad one is wrong, and what was meant', async () => {
    const bad = GOOD.replace('    short: tiny', '    short: Tiny_1\n    revison: main');
    const { code, json } = await validate(bad, '--json');
    expect(code).toBe(1);
    expect(json()).toEqual({
      valid: false,
      warnings: [],
      problems: expect.arrayContaining([
        { path: 'models[0].short', message: expect.any(String), line: 5, column: expect.any(Number) },
        { path: 'models[0].revison', message: expect.stringContaining('revision'), line: 6, column: 5 },
      ]),
    });
  });

  it('prints positions that an editor understands', async () => {
    const { code, stdout } = await validate(GOOD.replace('models:', 'model:'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/catalog\.yaml:3:1: .*models/);
    expect(stdout).toContain('is not valid.');
  });

  it.each([
    ['of over a mebibyte', `# ${'x'.repeat(1024 * 1024)}\n`],
    ['of binary junk', new Uint8Array([0, 255, 254, 7, 128, 10, 0, 1])],
    ['with nothing in it', ''],
    ['that is a list', '- a\n- b\n'],
  ])('finds a file %s invalid', async (_, content) => {
    const { code, json } = await validate(content, '--json');
    expect(code).toBe(1);
    expect(json()).toMatchObject({
      valid: false,
      problems: [{ line: expect.any(Number), column: expect.any(Number) }],
    });
  });

  it.each([
    ['missing', () => join(folder, 'absent.yaml')],
    ['a folder', () => folder],
  ])('exits 2 when the file is %s', async (_, path) => {
    const { code, stderr, json } = await cli(['validate', '--catalog', path(), '--json']);
    expect(code).toBe(2);
    expect(stderr).toContain(path());
    expect(json()).toMatchObject({ error: { code: 'environment' } });
  });

  it('asks for no setting', async () => {
    expect((await cli(['validate'], { HF_ENDPOINT: 'nonsense', DATA_DIR: '/dev/null' })).code).toBe(0);
  });
});
