import { find, run } from '../exec.ts';
import { dockerConfigOf } from '../registry/docker-config.ts';
import type { Services } from '../services.ts';
import { identityOf, summarize } from './parse.ts';
import { serialScanner } from './trivy.ts';
import type { Finding, ScanResult } from './types.ts';

/** Scans every platform of an image, with the registry credentials of its owner. */
export type Scanner = (
  reference: string,
  platforms: string[],
  owner: string | null,
  signal?: AbortSignal,
) => Promise<ScanResult>;

export function createScanner(
  { environment, redact }: Services,
  variables: Record<string, string | undefined> = process.env,
): Scanner {
  const scan = serialScanner({ run, find, env: variables, cacheDir: variables.TRIVY_CACHE_DIR ?? null, redact });
  return async (reference, platforms, owner, signal) => {
    const dockerConfig = await dockerConfigOf(owner, environment);
    const results: ScanResult[] = [];
    for (const platform of platforms.length === 0 ? [undefined] : platforms) {
      const result = await scan({
        reference,
        dockerConfig,
        ...(platform === undefined ? {} : { platform }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (result.status === 'not-scanned') return result;
      results.push(result);
    }
    return mergeScans(results);
  };
}

/** One result for an image of several platforms: each finding once. */
export function mergeScans(results: readonly ScanResult[]): ScanResult {
  const [first, ...others] = results;
  if (first === undefined) throw new TypeError('nothing was scanned');
  if (others.length === 0 || first.status === 'not-scanned') return first;
  const findings = new Map<string, Finding>();
  for (const finding of results.flatMap((result): Finding[] => result.findings)) {
    const key = `${identityOf(finding)} ${finding.installed}`;
    if (!findings.has(key)) findings.set(key, finding);
  }
  return { ...first, findings: [...findings.values()], summary: summarize([...findings.values()]) };
}
