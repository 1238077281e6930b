const MIB = 1024 * 1024;
const ECR = /^(?:public\.ecr\.aws|\d+\.dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?)$/;

/**
 * Bytes that a registry takes for one layer; null where no limit is known.
 *
 * @param host as in a reference, e.g. `ghcr.io`
 */
export function registryLayerLimit(host: string): number | null {
  if (host === 'ghcr.io') return 10e9;
  return ECR.test(host) ? 52_000 * MIB : null;
}
