import { expect, it } from 'vitest';
import { dockerEnvironment } from '../../../../src/build/buildkit/environment.ts';

it('docker is told which engine and builder to use, and no secret of ours', () => {
  const variables = {
    BUILDX_BUILDER: 'cloud',
    DOCKER_HOST: 'ssh://x',
    HF_TOKEN: 'hf_x',
    PRIVATE_KEY: 'k',
    KUBECONFIG: undefined,
  };
  expect(dockerEnvironment(variables)).toEqual({ BUILDX_BUILDER: 'cloud', DOCKER_HOST: 'ssh://x' });
});
