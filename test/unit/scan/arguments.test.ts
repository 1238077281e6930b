import { describe, expect, test } from 'vitest';
import { imageArguments, trivyEnvironment, versionArguments } from '../../../src/scan/arguments.ts';

const scan = { reference: 'r.test/a/hf-x@sha256:1', platform: null, cacheDir: null, timeoutMs: 90_500 };

test('an image is read from its registry, reported as JSON, and findings are no failure', () => {
  expect(imageArguments(scan)).toEqual(
    'image --image-src remote --scanners vuln --format json --list-all-pkgs=false --exit-code 0 --timeout 91s --no-progress --skip-version-check --disable-telemetry -- r.test/a/hf-x@sha256:1'.split(
      ' ',
    ),
  );
});

test('a platform and a cache are named when given', () => {
  const args = imageArguments({ ...scan, platform: 'linux/arm64', cacheDir: '/data/trivy' });
  expect(args.join(' ')).toContain('--platform linux/arm64 --cache-dir /data/trivy -- ');
  expect(versionArguments('/data/trivy')).toEqual(['version', '--format', 'json', '--cache-dir', '/data/trivy']);
});

describe('the environment', () => {
  test('is what Trivy and the network need, and nothing else', () => {
    const passed = {
      TRIVY_DB_REPOSITORY: 'r.test/db',
      TRIVY_SERVER: 'http://s',
      HTTPS_PROXY: 'p',
      no_proxy: 'n',
      SSL_CERT_FILE: 'c',
    };
    expect(
      trivyEnvironment({ ...passed, HF_TOKEN: 't', PRIVATE_KEY: 'k', DOCKER_CONFIG: 'd', TRIVY_INSECURE: undefined }),
    ).toEqual(passed);
  });

  test('holds nothing that changes the report or hands credentials to every registry', () => {
    expect(
      trivyEnvironment({
        TRIVY_FORMAT: 'table',
        TRIVY_OUTPUT: 'f',
        TRIVY_EXIT_CODE: '1',
        TRIVY_USERNAME: 'u',
        TRIVY_PASSWORD: 'p',
      }),
    ).toEqual({});
  });
});
