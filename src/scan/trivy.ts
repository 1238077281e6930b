import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asPublisherError, PublisherError } from '../errors.ts';
import type { find, RunOptions, run } from '../exec.ts';
import { imageArguments, trivyEnvironment, versionArguments } from './arguments.ts';
import { parseReport, parseVersion, summarize } from './parse.ts';
import type { TrivyVersion } from './report-schema.ts';
import type { ScanResult } from './types.ts';

/** What scanning needs of this machine. */
export interface TrivyParts {
  run: typeof run;
  find: typeof find;
  /** The operator's environment: PATH and `TRIVY_*` are read from it. */
  env: Readonly<Record<string, string | undefined>>;
  /** Folder of databases and analysed layers, kept between scans; null for Trivy's own default. */
  cacheDir: string | null;
  /** Removes secrets from what Trivy said. */
  redact: (text: string) => string;
  /** Milliseconds for one scan; default half an hour. */
  timeoutMs?: number;
}

export interface ScanRequest {
  /** Pinned by digest. */
  reference: string;
  /** `os/arch` for an index. */
  platform?: string | null;
  /** Folder with the registry credentials of this image's owner (`config.json`); null scans anonymously. */
  dockerConfig: string | null;
  signal?: AbortSignal;
}

/** Releases that an attacker published, see GHSA-69fq-xp46-6x23. */
const MALICIOUS = ['0.69.4', '0.69.5', '0.69.6'];
const VERSION_TIMEOUT_MS = 60_000;
const REPORT_BYTES = 256 * 1024 * 1024;

/**
 * Scans an image for known vulnerabilities. Whatever keeps Trivy from a whole report is an answer, `not-scanned` with the
 * reason; the only thing thrown is PublisherError `cancelled`.
 */
export async function scanImage(parts: TrivyParts, request: ScanRequest): Promise<ScanResult> {
  const { reference } = request;
  const notScanned = (reason: string): ScanResult => {
    return { status: 'not-scanned', reference, reason, summary: null, findings: [], database: null };
  };
  if ((await parts.find('trivy', parts.env.PATH ?? '')) === null) {
    return notScanned('Trivy is not installed (not found on PATH)');
  }
  const folder = await mkdtemp(join(tmpdir(), 'publisher-scan-'));
  try {
    return await scanIn(folder, parts, request);
  } catch (error) {
    const failure = asPublisherError(error);
    if (failure.code === 'cancelled') throw failure;
    return notScanned(withoutFullStop(failure.message));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One scan after another: they share a cache that only one Trivy may use at a time, and each may take gigabytes of memory. */
export function serialScanner(parts: TrivyParts): (request: ScanRequest) => Promise<ScanResult> {
  let last: Promise<unknown> = Promise.resolve();
  return (request) => {
    const scan = last.then(() => {
      if (request.signal?.aborted === true)
        throw new PublisherError('cancelled', 'The scan was cancelled before it began.');
      return scanImage(parts, request);
    });
    last = scan.catch(() => undefined);
    return scan;
  };
}

async function scanIn(
  folder: string,
  parts: TrivyParts,
  { reference, platform = null, dockerConfig, signal }: ScanRequest,
): Promise<ScanResult> {
  const { run, cacheDir, redact, timeoutMs = 30 * 60_000 } = parts;
  // Trivy reads trivy.yaml and .trivyignore where it runs, and spills large files into TMPDIR: both are ours alone.
  const places = { cwd: join(folder, 'cwd'), tmp: join(folder, 'tmp'), anonymous: join(folder, 'docker') };
  for (const place of Object.values(places)) await mkdir(place);
  const env = { ...pathOf(parts.env), ...trivyEnvironment(parts.env), TMPDIR: places.tmp };
  const trivy = async (args: string[], extra: { dockerConfig: string; timeoutMs: number }) => {
    const options = { env: { ...env, DOCKER_CONFIG: extra.dockerConfig }, cwd: places.cwd, timeoutMs: extra.timeoutMs };
    const { stdout } = await run('trivy', args, {
      ...options,
      maxBytes: REPORT_BYTES,
      redact: (text) => redact(fatalPart(text)),
      ...(signal === undefined ? {} : { signal }),
    });
    return stdout;
  };
  const version = async () =>
    parseVersion(
      await trivy(versionArguments(cacheDir), { dockerConfig: places.anonymous, timeoutMs: VERSION_TIMEOUT_MS }),
    );

  // Asked before it is given any credentials.
  refuseMalicious(await version());
  const report = await trivy(imageArguments({ reference, platform, cacheDir, timeoutMs }), {
    dockerConfig: dockerConfig ?? places.anonymous,
    // Its own limit first, because then it says what it was doing.
    timeoutMs: timeoutMs + 60_000,
  });
  const findings = parseReport(report);
  // Only now: the scan may have fetched a newer database.
  const { VulnerabilityDB: database } = await version();
  return {
    status: 'scanned',
    reference,
    reason: null,
    summary: summarize(findings),
    findings,
    database: { version: database?.Version ?? null, updatedAt: database?.UpdatedAt ?? null },
  };
}

/** What Trivy gave up for, without the log before it and the time: `DATE<tab>FATAL<tab>Fatal error<tab>…`, to the end. */
function fatalPart(log: string): string {
  const fatal = /\tFATAL\t(?:Fatal error\t)?(.*)$/s.exec(log)?.[1];
  return fatal === undefined ? log : fatal.replace(/\s+/g, ' ');
}

/** @throws PublisherError `scan-failed` for a release that an attacker published */
export async function acceptableTrivy({ run, cacheDir }: TrivyParts, options: RunOptions): Promise<void> {
  const { stdout } = await run('trivy', versionArguments(cacheDir), { ...options, timeoutMs: VERSION_TIMEOUT_MS });
  refuseMalicious(parseVersion(stdout));
}

function refuseMalicious({ Version: version }: TrivyVersion): void {
  if (!MALICIOUS.includes(version.replace(/^v/, ''))) return;
  throw new PublisherError(
    'scan-failed',
    `Trivy ${version} is one of the malicious releases (GHSA-69fq-xp46-6x23): replace it and change every credential this machine holds.`,
  );
}

const pathOf = ({ PATH }: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  PATH === undefined ? {} : { PATH };

const withoutFullStop = (sentence: string): string => sentence.replace(/\.$/, '');
