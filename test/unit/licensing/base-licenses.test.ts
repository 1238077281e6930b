import { describe, expect, it } from 'vitest';
import { baseLicenses } from '../../../src/licensing/base-licenses.ts';

const NVIDIA = 'NVIDIA Deep Learning Container License';
const of = (env: string[], labels: Record<string, string> = {}) => baseLicenses([{ env, labels }]);

describe('baseLicenses', () => {
  it.each([
    ['NVIDIA_VISIBLE_DEVICES=all', 'NVIDIA_VISIBLE_DEVICES'],
    ['NVIDIA_VISIBLE_DEVICES=0,1', 'NVIDIA_VISIBLE_DEVICES'],
    ['NVIDIA_REQUIRE_CUDA=cuda>=12.9 brand=tesla', 'NVIDIA_REQUIRE_CUDA'],
    ['CUDA_VERSION=12.9.0', 'CUDA_VERSION'],
    ['NV_CUDA_CUDART_VERSION=12.9.37-1', 'NV_CUDA_*'],
    ['NVARCH=x86_64', 'NVARCH'],
  ])('knows a CUDA image and what descends from it by %s', (entry, evidence) => {
    expect(of(['PATH=/usr/bin', entry])).toMatchObject([{ name: NVIDIA, evidence: [evidence] }]);
  });

  it.each([
    [{ maintainer: 'NVIDIA CORPORATION <cudatools@nvidia.com>' }, 'maintainer'],
    [{ 'com.nvidia.cudnn.version': '9' }, 'com.nvidia.*'],
  ])('knows it by the labels %j', (labels, evidence) => {
    expect(of([], labels)).toMatchObject([
      { id: 'LicenseRef-NVIDIA-Deep-Learning-Container-License', name: NVIDIA, evidence: [evidence] },
    ]);
  });

  it.each([
    [[]],
    [['PATH=/usr/local/cuda/bin']],
    [['CUDA_VERSION=']],
    [['NVIDIA_VISIBLE_DEVICES=void']],
    [['NVIDIA_VISIBLE_DEVICES=none']],
    [['NVIDIA_VISIBLE_DEVICES=']],
    [['MY_CUDA_VERSION=1', 'ROCM_VERSION=6']],
  ])('names nothing for %j', (env) => {
    expect(of(env, { maintainer: 'somebody at NVIDIA CORPORATION' })).toEqual([]);
  });

  it('quotes what the base says itself, as one short line', () => {
    expect(of([], { 'org.opencontainers.image.licenses': `Apache\n2.0${'x'.repeat(500)}` })).toEqual([
      {
        id: null,
        name: `Apache 2.0${'x'.repeat(190)}`,
        evidence: ['org.opencontainers.image.licenses'],
        url: null,
      },
    ]);
    expect(of([], { 'org.opencontainers.image.licenses': ' \n' })).toEqual([]);
  });

  it('joins all platforms, in any order', () => {
    const amd = { env: ['CUDA_VERSION=1'], labels: { 'org.opencontainers.image.licenses': 'B' } };
    const arm = { env: ['NVARCH=sbsa', 'CUDA_VERSION=1'], labels: { 'org.opencontainers.image.licenses': 'A' } };
    const both = baseLicenses([amd, arm]);
    expect(both).toMatchObject([{ evidence: ['CUDA_VERSION', 'NVARCH'] }, { name: 'A' }, { name: 'B' }]);
    expect(baseLicenses([arm, amd])).toEqual(both);
  });
});
