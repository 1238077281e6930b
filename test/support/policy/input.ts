import type { HubFile, ModelFacts } from '../../../src/huggingface/types.ts';
import type { PolicyInput } from '../../../src/policy/types.ts';

export const WHITELIST = ['apache-2.0', 'mit', 'bsd-2-clause', 'bsd-3-clause', 'isc', 'cc0-1.0', 'unlicense'];

export function hubFile(path: string, extra: Partial<HubFile> = {}): HubFile {
  return { path, size: 100, sha256: null, oid: 'c'.repeat(40), security: 'safe', ...extra };
}

export function modelFacts(extra: Partial<ModelFacts> = {}): ModelFacts {
  return {
    id: 'org/name',
    revision: 'a'.repeat(40),
    lastModified: '2026-01-01T00:00:00.000Z',
    gated: false,
    private: false,
    license: { ids: ['mit'], name: null, link: null },
    card: { kind: 'none' },
    tags: [],
    files: [hubFile('config.json'), hubFile('model.safetensors', { size: 1000, sha256: 'b'.repeat(64) })],
    baseModels: [],
    lineage: [],
    chatTemplate: [],
    remoteCode: [],
    indexes: {},
    notChecked: [],
    sources: [],
    ...extra,
  };
}

/** A model of which everything may be built. */
export function policyInput(extra: Partial<PolicyInput> = {}, facts: Partial<ModelFacts> = {}): PolicyInput {
  const found = modelFacts(facts);
  return {
    id: 'org/name',
    permissive: 'auto',
    overrideSpdx: null,
    gated: 'auto',
    whitelist: WHITELIST,
    limits: { fatMaxBytes: 10_000, layerMaxBytes: 5_000 },
    reshard: new Map(),
    unscanned: 'warn',
    engine: 'vllm',
    facts: { kind: 'found', facts: found },
    choice: {
      paths: found.files.map(({ path }) => path),
      bytes: found.files.reduce((sum, { size }) => sum + size, 0),
      incompatible: null,
    },
    ...extra,
  };
}
