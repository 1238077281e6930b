import { describe, expect, it } from 'vitest';
import { ENTRYPOINT_PATH, type ImageConfig, modelImageConfig } from '../../../src/image/config.ts';
import type { ImageInputs } from '../../../src/image/inputs.ts';
import { digest, imageInputs } from '../../support/image/inputs.ts';

const CREATED = '2026-01-01T00:00:00Z';
const BASE: ImageConfig = {
  architecture: 'arm64',
  os: 'linux',
  variant: 'v8',
  created: '2025-01-01T00:00:00Z',
  author: 'somebody',
  config: {
    Env: ['PATH=/usr/bin', 'HF_HOME=/old', 'LANG=C'],
    Labels: { 'org.example': 'kept', 'org.opencontainers.image.revision': 'base' },
    WorkingDir: '/srv',
    User: '1000:1000',
    ExposedPorts: { '8000/tcp': {} },
    Volumes: { '/data': {} },
    StopSignal: 'SIGINT',
    Entrypoint: ['/bin/sh', '-c'],
    Cmd: ['old'],
  },
  rootfs: { type: 'layers', diff_ids: [digest('1'), digest('2')] },
  history: [{ created_by: 'one' }, { created_by: 'nothing', empty_layer: true }, { created_by: 'two' }],
};
const ADDED = [
  { digest: digest('3'), comment: 'licence files' },
  { digest: digest('4'), comment: 'entrypoint' },
];
const LABELS = { 'org.opencontainers.image.revision': 'ours' };

function configOf(base: Partial<ImageConfig> = {}, inputs: Partial<ImageInputs> = {}): ImageConfig {
  return modelImageConfig({ ...BASE, ...base }, imageInputs(inputs), LABELS, CREATED, ADDED);
}

describe('modelImageConfig', () => {
  it("keeps all of the base's that is not ours to say", () => {
    const made = configOf();
    expect(made).toMatchObject({ architecture: 'arm64', os: 'linux', variant: 'v8', author: 'somebody' });
    expect(made.config).toMatchObject({
      WorkingDir: '/srv',
      User: '1000:1000',
      ExposedPorts: { '8000/tcp': {} },
      Volumes: { '/data': {} },
      StopSignal: 'SIGINT',
    });
  });

  it('starts our entrypoint with the serve arguments', () => {
    expect(configOf().config).toMatchObject({ Entrypoint: [ENTRYPOINT_PATH], Cmd: ['--host', '0.0.0.0'] });
  });

  it("adds our labels to the base's; ours win", () => {
    expect(configOf().config?.Labels).toEqual({ 'org.example': 'kept', 'org.opencontainers.image.revision': 'ours' });
  });

  it("sets a variable in its place, and what is new behind the base's", () => {
    expect(configOf().config?.Env).toEqual(['PATH=/usr/bin', 'HF_HOME=/root/.cache/huggingface', 'LANG=C']);
    expect(configOf({}, { variant: 'fat' }).config?.Env).toEqual([
      'PATH=/usr/bin',
      'HF_HOME=/old',
      'LANG=C',
      'HF_HUB_OFFLINE=1',
    ]);
  });

  it('takes `$&` in a value for what it is', () => {
    expect(configOf({}, { hfCacheDir: '/$&' }).config?.Env).toContain('HF_HOME=/$&');
  });

  it("puts our layers above the base's, with a history entry each", () => {
    const made = configOf();
    expect(made.rootfs).toEqual({ type: 'layers', diff_ids: ['1', '2', '3', '4'].map(digest) });
    expect(made.history).toHaveLength((BASE.history?.length ?? 0) + ADDED.length);
    expect(made.history?.filter(({ empty_layer }) => empty_layer !== true)).toHaveLength(4);
    expect(made.history?.at(-1)).toEqual({
      created: CREATED,
      created_by: 'model-image-publisher',
      comment: 'entrypoint',
    });
  });

  it('makes a history for a base without one, so that layers and entries agree', () => {
    expect(configOf({ history: undefined }).history).toHaveLength(4);
  });

  it('does with a base that configures nothing', () => {
    const made = configOf({ config: undefined });
    expect(made.config).toEqual({
      Env: ['HF_HOME=/root/.cache/huggingface'],
      Entrypoint: [ENTRYPOINT_PATH],
      Cmd: ['--host', '0.0.0.0'],
      Labels: LABELS,
    });
    expect(configOf({ config: { Env: null, Labels: null } }).config?.Labels).toEqual(LABELS);
  });

  it('drops what Docker says of the container an image was made from', () => {
    const made = configOf({ container: 'x', container_config: {}, docker_version: '26', parent: 'sha256:x', id: 'y' });
    expect(Object.keys(made).sort()).toEqual(
      ['architecture', 'author', 'config', 'created', 'history', 'os', 'rootfs', 'variant'].sort(),
    );
  });

  it('is created when its inputs were, never now', () => {
    expect(configOf().created).toBe(CREATED);
  });
});
