import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cli } from '../../support/cli/cli.ts';

const DIGEST = `sha256:${'3'.repeat(64)}`;
/** A docker that keeps the definitions it is given; runtimes whose name begins with "bad" fail. */
const FAKE = `#!/bin/sh
case "$1 $2" in
  'buildx inspect') printf 'Name: farm\\nDriver: remote\\nPlatforms: linux/amd64, linux/arm64\\n'; exit 0 ;;
esac
while [ $# -gt 0 ]; do
  case $1 in
    --file) file=$2; shift ;;
    --metadata-file) metadata=$2; shift ;;
  esac
  name=$1
  shift
done
cp "$file" "$KEPT/$name.json"
case $name in bad*) echo "ERROR: process did not complete successfully: no wheel" >&2; exit 1 ;; esac
printf '{"%s":{"containerimage.digest":"${DIGEST}"}}' "$name" >"$metadata"
`;

const CATALOG = {
  defaults: { registries: { here: '127.0.0.1:5000/{owner}' }, publish: { here: true } },
  runtimes: {
    mine: { engine: 'vllm', platforms: ['linux/amd64'], build: { target: 'final-vllm', args: { VLLM_VERSION: '1' } } },
    bad: { engine: 'vllm', platforms: ['linux/amd64'], build: { target: 'final-vllm' } },
    odd: { engine: 'vllm', experimental: true, build: { target: 'final-vllm' } },
  },
  models: [],
};

let folder = '';
const path = process.env.PATH;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'publisher-runtime-'));
  await writeFile(join(folder, 'models.yaml'), JSON.stringify(CATALOG));
  await writeFile(join(folder, 'docker'), FAKE.replaceAll('"$KEPT', `"${folder}`));
  await chmod(join(folder, 'docker'), 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  process.env.PATH = path;
});

async function runtime(argv: string[], variables: Record<string, string> = {}) {
  process.env.PATH = `${folder}:${path}`;
  return cli(['runtime', ...argv, '--catalog', join(folder, 'models.yaml')], {
    DATA_DIR: join(folder, 'data'),
    GITHUB_REPOSITORY_OWNER: 'Acme',
    ...variables,
  });
}

describe('runtime publish', () => {
  it('pushes recipe and release tags, and tells reference, digest and what is unpinned', async () => {
    const { code, json, stderr } = await runtime(['publish', 'mine', '--tag', 'v1', '--latest', '--json']);
    expect(code, stderr).toBe(0);
    const recipe = expect.stringMatching(/^b[0-9a-f]{12}-mine$/);
    expect(json()).toEqual({
      runtimes: [
        {
          name: 'mine',
          platforms: ['linux/amd64'],
          reference: expect.stringMatching(/^127\.0\.0\.1:5000\/acme\/model-runner:b[0-9a-f]{12}-mine$/),
          references: [
            expect.any(String),
            '127.0.0.1:5000/acme/model-runner:v1-mine',
            '127.0.0.1:5000/acme/model-runner:latest-mine',
          ],
          digest: DIGEST,
          tags: [recipe, 'v1-mine', 'latest-mine'],
        },
      ],
      unpinned: ['ubuntu:24.04'],
    });
  });

  it('writes latest only when asked', async () => {
    const { json } = await runtime(['publish', 'mine', '--tag', 'v1', '--json']);
    expect(json()).toMatchObject({ runtimes: [{ tags: [expect.any(String), 'v1-mine'] }] });
  });

  it('goes on when one fails, tells why, and exits 1', async () => {
    const { code, json, stderr } = await runtime(['publish', 'bad', 'mine', '--json']);
    expect(code).toBe(1);
    expect(json()).toMatchObject({
      runtimes: [
        {
          name: 'bad',
          digest: null,
          tags: [],
          error: { code: 'image-invalid', message: expect.stringContaining('no wheel') },
        },
        { name: 'mine', digest: DIGEST },
      ],
    });
    expect(stderr).toContain('bad failed (image-invalid)');
  });

  it('starts nothing where the operator does not allow the registry', async () => {
    await rm(join(folder, 'mine.json'), { force: true });
    const { code, stderr } = await runtime(['publish', 'mine'], { PUBLISH_ALLOW: 'ghcr.io/acme/*' });
    expect([code, stderr]).toEqual([1, expect.stringContaining('PUBLISH_ALLOW')]);
    await expect(readFile(join(folder, 'mine.json'))).rejects.toThrow('ENOENT');
  });

  it('asks for the owner where nobody named one', async () => {
    const { code, stderr } = await runtime(['publish', 'mine', '--owner', ''], { GITHUB_REPOSITORY_OWNER: '' });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--owner')]);
  });
});

describe('runtime build', () => {
  it('pushes nothing', async () => {
    const { code, json } = await runtime(['build', 'mine', '--set', 'VLLM_VERSION=0.12.1', '--json']);
    expect([code, json()]).toMatchObject([
      0,
      { runtimes: [{ name: 'mine', reference: null, digest: null, tags: [] }] },
    ]);
    const definition = JSON.parse(await readFile(join(folder, 'mine.json'), 'utf8'));
    const [row] = definition.target.runtime.matrix.row;
    expect([row.output, row.args.VLLM_VERSION, row.tags]).toEqual([['type=cacheonly'], '0.12.1', []]);
  });

  it('shows the definition of all that would be built, experimental ones only when asked for', async () => {
    const shown = async (...flags: string[]) => {
      const { stdout } = await runtime(['build', '--print', ...flags]);
      return JSON.parse(stdout).target.runtime.matrix.row.map(({ name }: { name: string }) => name);
    };
    const usual = ['llamacpp-cpu', 'cuda', 'vllm-cuda', 'sglang-cuda', 'rocm'];
    expect(new Set(await shown())).toEqual(new Set([...usual, 'mine', 'bad']));
    expect(new Set(await shown('--experimental'))).toEqual(new Set([...usual, 'mine', 'bad', 'odd', 'musa', 'cann']));
  });
});

describe('wrong usage', () => {
  it.each([
    [['burn']],
    [[]],
    [['build', 'mine', '--tag', 'v1']],
    [['build', 'mine', '--to', 'registry']],
    [['publish', 'mine', '--to', 'oci:x']],
    [['publish', 'mine', '--tag', 'not a tag']],
    [['publish', 'mine', '--tag', 'b0123456789ab-other']],
    [['publish', 'mine', '--tag', 'cache']],
    [['publish', 'mine', '--tag', 'x'.repeat(126)]],
    [['publish', 'odd']],
    [['publish', 'nobody']],
    [['build', 'mine', '--set', 'SGLANG_VERSION=1']],
    [['build', 'mine', '--set', 'VLLM_VERSION=a;b']],
  ])('%j exits 2', async (argv) => {
    expect((await runtime(argv)).code).toBe(2);
  });

  it('a malformed setting of the operator exits 2', async () => {
    expect((await runtime(['build', 'mine'], { SBOM_GENERATOR: 'a,b' })).code).toBe(2);
    expect((await runtime(['build', 'mine'], { BUILD_NETWORK: 'none' })).code).toBe(2);
  });
});
