import type { Digest } from '../registry/types.ts';
import type { ImageInputs } from './inputs.ts';

export const ENTRYPOINT_PATH = '/usr/local/bin/model-image-entrypoint';

/** The parts of an OCI image configuration that are read; all else of the base's is carried over as it is. */
export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string | undefined;
  created?: string | undefined;
  config?: ContainerConfig | undefined;
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: HistoryEntry[] | undefined;
  [other: string]: unknown;
}

interface ContainerConfig {
  Env?: string[] | null | undefined;
  Labels?: Record<string, string> | null | undefined;
  [other: string]: unknown;
}

export interface HistoryEntry {
  created?: string | undefined;
  created_by?: string | undefined;
  empty_layer?: boolean | undefined;
  [other: string]: unknown;
}

/** What is laid on top of the base, bottom first. */
export interface AddedLayer {
  /** Of the uncompressed tar, which is also the blob's own digest: we never compress. */
  digest: Digest;
  /** What the history says, e.g. `licence files`. */
  comment: string;
}

/** Members that Docker writes about the container an image was committed from; they would be false for ours. */
const STALE = ['container', 'container_config', 'docker_version', 'id', 'parent', 'Size', 'throwaway'];

/**
 * The base's configuration with our layers, entrypoint, labels and environment (OCI image-spec, "Image Configuration").
 * Everything else of the base stays: Env, Labels, WorkingDir, User, ExposedPorts, Volumes.
 */
export function modelImageConfig(
  base: ImageConfig,
  inputs: ImageInputs,
  labels: Record<string, string>,
  created: string,
  added: AddedLayer[],
): ImageConfig {
  const kept = Object.fromEntries(Object.entries(base).filter(([key]) => !STALE.includes(key)));
  return {
    ...kept,
    architecture: base.architecture,
    os: base.os,
    created,
    config: {
      ...base.config,
      Env: withEnvironment(base.config?.Env ?? [], environmentOf(inputs)),
      Entrypoint: [ENTRYPOINT_PATH],
      Cmd: inputs.serveArgs,
      Labels: { ...base.config?.Labels, ...labels },
    },
    rootfs: { type: 'layers', diff_ids: [...base.rootfs.diff_ids, ...added.map((layer) => layer.digest)] },
    history: [
      ...(base.history ?? base.rootfs.diff_ids.map(() => ({ created_by: 'base image' }))),
      ...added.map((layer) => ({ created, created_by: 'model-image-publisher', comment: layer.comment })),
    ],
  };
}

function environmentOf({ variant, hfCacheDir }: ImageInputs): Record<string, string> {
  return variant === 'slim' ? { HF_HOME: hfCacheDir } : { HF_HUB_OFFLINE: '1' };
}

/** Docker's rule: a later value replaces an earlier one of the same name, in its place. */
function withEnvironment(existing: string[], added: Record<string, string>): string[] {
  const nameOf = (entry: string) => entry.split('=', 1)[0] ?? '';
  const kept = existing.map((entry) => {
    const value = added[nameOf(entry)];
    return value === undefined ? entry : `${nameOf(entry)}=${value}`;
  });
  const present = new Set(existing.map(nameOf));
  return [
    ...kept,
    ...Object.entries(added).flatMap(([name, value]) => (present.has(name) ? [] : [`${name}=${value}`])),
  ];
}
