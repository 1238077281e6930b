import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_BASE_IMAGE } from '../../../../src/build/runtimes/base-lock.ts';
import { BUILTIN_RUNTIMES } from '../../../../src/catalog/builtin-runtimes.ts';
import { findProgram } from '../../../support/registry/index.ts';

const TEXT = readFileSync(new URL('../../../../docker/runtimes/Dockerfile', import.meta.url), 'utf8');
const declared = new Map([...TEXT.matchAll(/^ARG (\w+)(?:=(.*))?$/gm)].map(([, name = '', value]) => [name, value]));
const scripts = [...TEXT.matchAll(/<<'SCRIPT'.*\n([\s\S]*?)\nSCRIPT$/gm)].map(([, script = '']) => script);

/** The tool that a step mounts, run with a shell here. */
function checkArguments(...args: string[]) {
  const script = scripts.find((text) => text.includes('# check-arguments')) ?? '';
  return spawnSync('sh', ['-c', script, 'check-arguments', ...args], { encoding: 'utf8' });
}

describe('the Dockerfile of runtimes', () => {
  test('has the targets and arguments of every built-in runtime, and the base that the lock knows as its default', () => {
    for (const { build } of Object.values(BUILTIN_RUNTIMES)) {
      expect(TEXT).toMatch(new RegExp(`^FROM .* AS ${build?.target}$`, 'm'));
      expect([...declared.keys()]).toEqual(expect.arrayContaining(Object.keys(build?.args ?? {})));
    }
    expect(declared.get('BASE_IMAGE')).toBe(DEFAULT_BASE_IMAGE);
  });

  test('needs no frontend image, and ends every target without root', () => {
    expect(TEXT).not.toMatch(/^#\s*syntax=/im);
    const targets = TEXT.split(/^FROM /m).filter((stage) => / AS final-/.test(stage));
    expect(targets.map((stage) => [...stage.matchAll(/^USER (.+)$/gm)].at(-1)?.[1])).toEqual(
      targets.map(() => '1000:1000'),
    );
  });

  test.each(['b6000', 'latest', '0.4.0', '1.0+cu130', 'cp38-abi3'])('takes %s for a version', (value) => {
    expect(checkArguments(`X=${value}`).status).toBe(0);
  });

  test.each(['', '-rf', 'a b', '$(id)', "a'b", 'a/b', 'ä'])(
    'refuses %j for a version, and names the argument',
    (value) => {
      const { status, stderr } = checkArguments('VLLM_VERSION=1', `SGLANG_VERSION=${value}`);
      expect([status, stderr]).toEqual([2, expect.stringContaining('SGLANG_VERSION is')]);
    },
  );

  test.skipIf(findProgram('shellcheck') === null)('holds scripts that shellcheck has nothing to say about', () => {
    expect(scripts.length).toBeGreaterThan(8);
    for (const script of scripts) {
      const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', '-'], { input: `${script}\n`, encoding: 'utf8' });
      expect(status, `${stdout}\n${script}`).toBe(0);
    }
  });
});
