import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultPublishAllow,
  defaultSourceAllow,
  mayPublish,
  namesExactly,
  parsePublishAllow,
  parseSourceAllow,
  sourceAccess,
} from '../../../src/registry/patterns.ts';
import { parseReference } from '../../../src/registry/reference.ts';

function allowed(setting: string, reference: string, owner = 'acme'): boolean {
  const { patterns, problems } = parsePublishAllow(setting);
  expect(problems).toEqual([]);
  return mayPublish(parseReference(reference), owner, patterns);
}

function access(setting: string, reference: string, owner = 'acme') {
  const { patterns, problems } = parseSourceAllow(setting);
  expect(problems).toEqual([]);
  return sourceAccess(parseReference(reference), owner, patterns);
}

describe('PUBLISH_ALLOW', () => {
  it.each([
    ['ghcr.io/acme/*', 'ghcr.io/acme/hf-x', true],
    ['ghcr.io/acme/*', 'ghcr.io/acme/a/b', false],
    ['ghcr.io/acme/*', 'ghcr.io/acme', false],
    ['ghcr.io/acme/*', 'ghcr.io/acme-evil/hf-x', false],
    ['ghcr.io/acme/*', 'ghcr.io.evil.example/acme/hf-x', false],
    ['ghcr.io/acme/*', 'ghcr.io:8443/acme/hf-x', false],
    ['ghcr.io/acme/*', 'GHCR.IO/acme/hf-x', true],
    ['ghcr.io/acme/**', 'ghcr.io/acme/a/b/c', true],
    ['ghcr.io/**/x', 'ghcr.io/a/b/x', true],
    ['ghcr.io/**/x', 'ghcr.io/x', true],
    ['ghcr.io/**/x', 'ghcr.io/x/y', false],
    ['ghcr.io/*/x/**', 'ghcr.io/a/x/b/c', true],
    ['ghcr.io/acme/hf-x', 'ghcr.io/acme/hf-x:tag', true],
    ['ghcr.io/acme/hf-x', 'ghcr.io/acme/hf-xy', false],
    ['docker.io/acme/*', 'index.docker.io/acme/x', true],
    ['docker.io/acme/*', 'acme/x', true],
    ['index.docker.io/acme/*', 'acme/x', true],
    ['docker.io/ubuntu', 'ubuntu', true],
    ['docker.io/*', 'acme/x', false],
    ['docker.io/*', 'ubuntu', true],
    ['docker.io/**', 'acme/x', true],
    ['127.0.0.1:5000/**', '127.0.0.1:5000/x', true],
    ['127.0.0.1:5000/**', '127.0.0.1:5001/x', false],
    ['ghcr.io/a/*, quay.io/b/*', 'quay.io/b/x', true],
  ])('%s and %s: %s', (setting, reference, answer) => {
    expect(allowed(setting, reference)).toBe(answer);
  });

  it('binds an entry to one owner, whatever the case', () => {
    expect(allowed('acme=quay.io/acme/*', 'quay.io/acme/x', 'Acme')).toBe(true);
    expect(allowed('ACME=quay.io/acme/*', 'quay.io/acme/x', 'acme')).toBe(true);
    expect(allowed('acme=quay.io/acme/*', 'quay.io/acme/x', 'acme-evil')).toBe(false);
  });

  it('is by default what lies directly under the owner on GHCR', () => {
    const patterns = defaultPublishAllow('Acme');
    expect(mayPublish(parseReference('ghcr.io/acme/hf-x'), 'acme', patterns)).toBe(true);
    expect(mayPublish(parseReference('ghcr.io/acme/hf-x'), 'other', patterns)).toBe(false);
    expect(mayPublish(parseReference('ghcr.io/acme/a/b'), 'acme', patterns)).toBe(false);
    expect(mayPublish(parseReference('docker.io/acme/hf-x'), 'acme', patterns)).toBe(false);
  });

  it('knows a repository named exactly from one that a wildcard covers', () => {
    const { patterns } = parsePublishAllow('ghcr.io/acme/*,ghcr.io/acme/plain');
    expect(namesExactly(parseReference('ghcr.io/acme/plain'), 'acme', patterns)).toBe(true);
    expect(namesExactly(parseReference('ghcr.io/acme/other'), 'acme', patterns)).toBe(false);
  });

  it.each([
    'ghcr.io',
    '*/acme/x',
    '**',
    'acme/*',
    'ghcr.io/hf-*',
    'ghcr.io/Acme/*',
    'ghcr.io//x',
    '=ghcr.io/x',
    'a b=ghcr.io/x',
    'ghcr.io/../x',
  ])('calls %j a problem', (entry) => {
    const { patterns, problems } = parsePublishAllow(entry);
    expect(patterns).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(entry);
  });

  it('never allows a repository outside the prefix before the first wildcard', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,6}(?:-[a-z0-9]{1,3})?$/);
    const path = fc.array(word, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(path, path, fc.constantFrom('*', '**'), (prefix, repository, star) => {
        const { patterns } = parsePublishAllow(`ghcr.io/${[...prefix, star].join('/')}`);
        const reference = parseReference(`ghcr.io/${repository.join('/')}`);
        if (!mayPublish(reference, 'acme', patterns)) return;
        expect(repository.slice(0, prefix.length)).toEqual(prefix);
        if (star === '*') expect(repository).toHaveLength(prefix.length + 1);
      }),
    );
  });

  it('agrees with a plain recursive matcher', () => {
    const segment = fc.constantFrom('a', 'b', '*', '**');
    const slow = (pattern: string[], path: string[]): boolean => {
      const [first, ...rest] = pattern;
      if (first === undefined) return path.length === 0;
      if (first === '**') return slow(rest, path) || (path.length > 0 && slow(pattern, path.slice(1)));
      return path.length > 0 && (first === '*' || first === path[0]) && slow(rest, path.slice(1));
    };
    const paths = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 6 }), paths, (pattern, path) => {
        expect(allowed(`quay.io/${pattern.join('/')}`, `quay.io/${path.join('/')}`)).toBe(slow(pattern, path));
      }),
    );
  });
});

describe('SOURCE_ALLOW', () => {
  it('reads the well-known registries anonymously by default, and no others', () => {
    const patterns = defaultSourceAllow();
    for (const text of ['ubuntu', 'nvcr.io/nvidia/cuda', 'mcr.microsoft.com/x', 'index.docker.io/vllm/vllm-openai']) {
      expect(sourceAccess(parseReference(text), 'acme', patterns)).toBe('anonymous');
    }
    for (const text of ['docker.io.evil.example/x', '127.0.0.1:5000/x', 'evil-ghcr.io/x', 'eu.gcr.io/x']) {
      expect(sourceAccess(parseReference(text), 'acme', patterns)).toBe('refused');
    }
  });

  it.each([
    ['quay.io', 'quay.io/a/b', 'anonymous'],
    ['quay.io', 'ghcr.io/a/b', 'refused'],
    ['ghcr.io/acme', 'ghcr.io/acme/x', 'anonymous'],
    ['ghcr.io/acme', 'ghcr.io/acme', 'anonymous'],
    ['ghcr.io/acme', 'ghcr.io/acme-evil/x', 'refused'],
    ['ghcr.io/acme/*', 'ghcr.io/acme/x/y', 'refused'],
    ['acme=ghcr.io/acme/**', 'ghcr.io/acme/x', 'credentials'],
    ['acme=ghcr.io/acme/**', 'ghcr.io/other/x', 'anonymous'],
    ['acme=ghcr.io/acme/**', 'ubuntu', 'anonymous'],
    ['acme=ghcr.io/acme/**,quay.io', 'ubuntu', 'refused'],
    ['acme=127.0.0.1:5000/base', '127.0.0.1:5000/base/x', 'credentials'],
    ['index.docker.io', 'ubuntu', 'anonymous'],
  ])('%s gives %s: %s', (setting, reference, answer) => {
    expect(access(setting, reference)).toBe(answer);
  });

  it('gives a grant to its owner alone', () => {
    const setting = 'acme=ghcr.io/acme/**,acme=private.example/x';
    expect(access(setting, 'ghcr.io/acme/x', 'other')).toBe('anonymous');
    expect(access(setting, 'private.example/x', 'other')).toBe('refused');
    expect(access(setting, 'private.example/x', 'ACME')).toBe('credentials');
  });
});
