import { describe, expect, test } from 'vitest';
import { judge } from '../../../../src/build/smoke/judge.ts';
import type { SmokeExpectation } from '../../../../src/build/smoke/types.ts';

const EXPECTED: SmokeExpectation = { model: 'acme/tiny', revision: 'a'.repeat(40), variant: 'slim', engine: 'vllm' };
const line = (changes: object = {}) => JSON.stringify({ ...EXPECTED, program: '/bin/vllm', files: 3, ...changes });
const ended = (stdout: string, rest = {}) => ({ stdout, stderr: '', exitCode: 0, ...rest });

describe('an image that was run', () => {
  test('passes when it says that it is what was built, whatever its command prints after that', () => {
    expect(judge(ended(`${line()}\nvllm 0.12.0\n`), EXPECTED)).toEqual({ status: 'passed', reason: null });
  });

  test('fails when it is another one, and says in what', () => {
    const other = judge(ended(line({ revision: 'b'.repeat(40), variant: 'fat' })), EXPECTED);
    expect(other.status).toBe('failed');
    expect(other.reason).toBe(
      `It holds revision ${'b'.repeat(40)} instead of ${'a'.repeat(40)}, variant fat instead of slim.`,
    );
  });

  test('fails with its exit code and its last lines', () => {
    const stderr = 'one\ntwo\nthree\nfour\n\nfive\n  model-image: error: engine vllm not found  \n';
    const { status, reason } = judge({ stdout: '', stderr, exitCode: 127 }, EXPECTED);
    expect(status).toBe('failed');
    expect(reason).toBe(
      'It ended with exit code 127: two | three | four | five | model-image: error: engine vllm not found',
    );
    expect(judge({ stdout: line(), stderr: '', exitCode: 1 }, EXPECTED).status).toBe('failed');
    expect(judge(ended('', { exitCode: 137 }), EXPECTED).reason).toBe('It ended with exit code 137 and said nothing.');
  });

  test.each(['', 'hello', '[]', 'null', '{"model":"acme/tiny"}', `banner\n${line()}`])(
    'fails when its first line is %j, for then its entrypoint is not ours',
    (stdout) => {
      const { status, reason } = judge(ended(stdout), EXPECTED);
      expect(status).toBe('failed');
      expect(reason).toContain('did not say what the image is');
    },
  );
});
