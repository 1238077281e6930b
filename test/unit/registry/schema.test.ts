import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/registry/digest.ts';
import * as types from '../../../src/registry/media-types.ts';
import { indexSchema, parseImageConfig, parseJson, parseManifestContent } from '../../../src/registry/schema.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const digest = digestOf(Buffer.from('x'));
const layer = { mediaType: types.OCI_LAYER, digest, size: 1 };
const content = (mediaType: string, value: unknown) => ({ mediaType, digest, bytes: bytes(value) });

describe('parseManifestContent', () => {
  it('tells an index from a manifest by the media type, Docker or OCI', () => {
    const index = { schemaVersion: 2, manifests: [{ ...layer, platform: { os: 'linux', architecture: 'arm64' } }] };
    const manifest = { schemaVersion: 2, config: layer, layers: [layer], annotations: null };
    expect(parseManifestContent(content(types.DOCKER_INDEX, index)).kind).toBe('index');
    expect(parseManifestContent(content(types.OCI_MANIFEST, manifest)).kind).toBe('manifest');
  });

  it.each([
    ['an unknown type', 'application/vnd.docker.distribution.manifest.v1+json', {}],
    [
      'a digest that leads elsewhere',
      types.OCI_INDEX,
      { schemaVersion: 2, manifests: [{ ...layer, digest: 'sha256:../../x' }] },
    ],
    ['a negative size', types.OCI_MANIFEST, { schemaVersion: 2, config: { ...layer, size: -1 }, layers: [] }],
    [
      'a size beyond exact numbers',
      types.OCI_MANIFEST,
      { schemaVersion: 2, config: { ...layer, size: 2 ** 60 }, layers: [] },
    ],
    ['too many platforms', types.OCI_INDEX, { schemaVersion: 2, manifests: Array(65).fill(layer) }],
    ['schema 1', types.OCI_MANIFEST, { schemaVersion: 1, config: layer, layers: [] }],
  ])('refuses %s', (_what, mediaType, value) => {
    expect(() => parseManifestContent(content(mediaType, value))).toThrow(
      expect.objectContaining({ code: 'image-invalid' }),
    );
  });

  it('names the field that is wrong', () => {
    const broken = { schemaVersion: 2, manifests: [layer, { ...layer, size: 'big' }] };
    expect(() => parseJson(indexSchema, bytes(broken), 'Index')).toThrow(/^Index breaks .* at manifests\.1\.size/);
  });

  it('refuses bytes that are no UTF-8 or no JSON', () => {
    expect(() => parseJson(indexSchema, Buffer.from([0xff, 0xfe]), 'Index')).toThrow('Index is not JSON');
  });
});

describe('parseImageConfig', () => {
  it('keeps what it does not know, and reads null as absent', () => {
    const config = { Env: null, Labels: { a: 'b' }, Healthcheck: { Test: ['CMD', 'x'] }, OnBuild: null };
    const value = {
      os: 'linux',
      architecture: 'amd64',
      'os.version': '1',
      config,
      rootfs: { type: 'layers', diff_ids: [digest] },
    };
    const parsed = parseImageConfig(bytes(value));
    expect(parsed['os.version']).toBe('1');
    expect(parsed.config?.Healthcheck).toEqual({ Test: ['CMD', 'x'] });
    expect(parsed.config?.Env).toBeUndefined();
  });
});

describe('toOci', () => {
  it.each([
    [types.DOCKER_INDEX, types.OCI_INDEX],
    [types.DOCKER_MANIFEST, types.OCI_MANIFEST],
    [types.DOCKER_CONFIG, types.OCI_CONFIG],
    [types.DOCKER_LAYER, types.OCI_LAYER],
    [types.DOCKER_LAYER_GZIP, types.OCI_LAYER_GZIP],
    [types.DOCKER_LAYER_ZSTD, types.OCI_LAYER_ZSTD],
    [types.OCI_LAYER_ZSTD, types.OCI_LAYER_ZSTD],
  ])('%s is %s', (docker, oci) => expect(types.toOci(docker)).toBe(oci));

  it.each([types.DOCKER_FOREIGN_LAYER, 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'])(
    'refuses %s',
    (type) => {
      expect(() => types.toOci(type)).toThrow(expect.objectContaining({ code: 'image-invalid' }));
    },
  );
});
