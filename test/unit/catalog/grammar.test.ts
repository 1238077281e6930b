import { describe, expect, test } from 'vitest';
import * as grammar from '../../../src/catalog/grammar.ts';

const commit = '0e9e39f249a16976918f6564b8830bc894c89659';
const digest = `sha256:${'0'.repeat(64)}`;

describe.each<[keyof typeof grammar & string, grammar.Rule, string[], string[]]>([
  [
    'hubId',
    grammar.hubId,
    ['a/b', 'gpt2', 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B', '01-ai/Yi-1.5', 'a_b/c_d', `a/${'b'.repeat(96)}`],
    [
      '',
      'a/',
      '/b',
      'a/b/c',
      'a/b c',
      'a/..',
      'a/b--c',
      'a/-b',
      'a/b.',
      'a/b.git',
      `a/${'b'.repeat(97)}`,
      'a/b\n',
      'a/ü',
    ],
  ],
  [
    'short',
    grammar.short,
    ['a', 'a-b-1', '0', 'a'.repeat(100)],
    ['', 'A', 'a_b', 'a.b', 'a--b', '-a', 'a-', 'a'.repeat(101), 'a\n'],
  ],
  ['name', grammar.name, ['ghcr', 'vllm-cuda', 'a'.repeat(40)], ['', 'Ghcr', 'a b', 'a'.repeat(41)]],
  [
    'revision',
    grammar.revision,
    ['main', 'refs/pr/1', 'v1.0', commit, 'feat/x_y@z', 'ünï'],
    [
      '',
      '@',
      '..',
      'a..b',
      '/a',
      'a/',
      'a//b',
      '-a',
      '.a',
      'a/.b',
      'a.',
      'a.lock',
      'a b',
      'a~1',
      'a^',
      'a:b',
      'a?',
      'a*',
      'a[',
      'a\\b',
      'a@{1}',
      'a\0',
      'a'.repeat(256),
    ],
  ],
  [
    'folder',
    grammar.folder,
    ['/models', '/root/.cache/huggingface', '/data/a-b_c.d+e@f', '/..a', '/etcetera'],
    [
      '',
      '/',
      'models',
      '/models/',
      '/a//b',
      '/a/../b',
      '/a/./b',
      '/..',
      '/a b',
      '/a:b',
      '/etc',
      '/etc/x',
      '/licenses',
      '/proc/self',
      '/$HOME',
    ],
  ],
  [
    'platform',
    grammar.platform,
    ['linux/amd64', 'linux/arm64/v8', 'linux/s390x'],
    ['linux', 'linux/', 'Linux/amd64', 'linux/amd64/', 'linux/a/b/c', 'linux amd64', 'linux/amd64,linux/arm64'],
  ],
  ['platforms', grammar.platforms, ['linux/amd64', 'linux/amd64, linux/arm64'], ['', 'linux/amd64,', 'amd64']],
  [
    'imageReference',
    grammar.imageReference,
    ['ubuntu', 'vllm/vllm-openai:v0.12.0', 'ghcr.io/a/b', 'localhost:5000/a/b:c', `a/b:c@${digest}`, `a@${digest}`],
    ['', 'A/b', 'a/b:', 'a/b:c d', 'https://ghcr.io/a', 'a@sha256:12', 'a//b', '{owner}/a', '…'],
  ],
  [
    'registryPrefix',
    grammar.registryPrefix,
    [
      'ghcr.io/{owner}',
      'docker.io/{owner}{namespace_suffix}',
      'localhost:5000',
      'localhost/x',
      'r.example.com/a/b',
      'ghcr.io/{owner}/models',
    ],
    [
      '',
      'ghcr',
      'acme/models',
      'https://ghcr.io/a',
      'ghcr.io/',
      'ghcr.io/a/',
      'ghcr.io/{user}',
      'ghcr.io/{owner',
      '{owner}.example.com/a',
      'ghcr.io/a b',
      'ghcr.io/a:tag',
      'ghcr.io/{namespace_suffix}',
    ],
  ],
  [
    'baseVersionText',
    grammar.baseVersionText,
    ['v1', '1.2.3+cu129', '_x'],
    ['', '-a', '.a', 'a b', 'a/b', 'a'.repeat(129)],
  ],
  [
    'webAddress',
    grammar.webAddress,
    ['https://a.b/c', 'http://localhost:1'],
    ['', 'a.b', 'javascript:alert(1)', 'ftp://a', 'https://a b', 'https://a\n'],
  ],
  [
    'glob',
    grammar.glob,
    ['*.safetensors', 'a/**/b', '**'],
    ['', ' ', '/a', '../a', 'a/../b', 'a\\b', 'a\nb', 'a'.repeat(501)],
  ],
  [
    'date',
    grammar.date,
    ['2026-02-28', '2028-02-29'],
    ['', '2026-02-29', '2026-13-01', '26-01-01', '2026-1-1', '2026-01-01T00:00:00Z'],
  ],
  ['argumentName', grammar.argumentName, ['VLLM_VERSION', '_a1'], ['', '1A', 'a-b', 'a=b']],
  ['line', grammar.line, ['', 'any thing ünï 🎉'], ['a\nb', 'a\tb', '\0', '\u0085', '\ud800']],
  ['prose', grammar.prose, ['', 'two\nlines\tand a tab'], ['a\rb', '\0', '\ud800']],
  ['nonEmptyLine', grammar.nonEmptyLine, ['a'], ['', ' ', 'a\nb']],
])('%s', (_name, rule, good, bad) => {
  test.each(good)('accepts %j', (value) => {
    expect(rule(value)).toBeNull();
  });

  test.each(bad)('refuses %j', (value) => {
    expect(rule(value)).toEqual(expect.any(String));
  });
});

test('what is nearly right is told apart from what is not', () => {
  expect(grammar.hubId('https://huggingface.co/org/name/tree/main')).toContain('not its address: org/name');
  expect(grammar.hubId('org/name@main')).toContain('goes under `revision`');
  expect(grammar.short('DeepSeek-R1-Distill-Qwen-1.5B')).toContain('e.g. deepseek-r1-distill-qwen-1-5b');
});
