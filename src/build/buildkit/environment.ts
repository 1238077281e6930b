import { BUILDX_VARIABLES, passedOn } from '../docker-variables.ts';

/** What of a process's variables `docker buildx` is given; no secret of ours is among them. */
export function dockerEnvironment(variables: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return passedOn(variables, [...BUILDX_VARIABLES, 'TMPDIR']);
}
