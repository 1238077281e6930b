import { find, run } from '../../exec.ts';
import { dockerConfigOf } from '../../registry/docker-config.ts';
import type { Services } from '../../services.ts';
import type { BuildRequest, BuiltImage } from '../types.ts';
import { smokeImage } from './run.ts';
import type { SmokeResult } from './types.ts';

/** Runs a finished image that a registry has, with the credentials of its owner. */
export type Smoker = (
  request: BuildRequest,
  image: Pick<BuiltImage, 'reference' | 'bytes'>,
  owner: string | null,
  signal?: AbortSignal,
) => Promise<SmokeResult>;

export function createSmoker(
  { environment, redact }: Services,
  variables: Record<string, string | undefined> = process.env,
): Smoker {
  const parts = { run, find, env: variables, redact };
  return async ({ inputs, smoke }, { reference, bytes }, owner, signal) =>
    smokeImage(parts, {
      reference,
      pull: true,
      platforms: Object.keys(inputs.base),
      weights: inputs.variant === 'fat' ? bytes.weights : 0,
      command: smoke,
      expected: inputs,
      dockerConfig: await dockerConfigOf(owner, environment),
      ...(signal === undefined ? {} : { signal }),
    });
}

/** Where the operator has not allowed it: a container runs what somebody's base image brings along. */
export const smokeIsOff: Smoker = async () => ({ status: 'not-run', reason: 'switched off; SMOKE=on allows it' });
