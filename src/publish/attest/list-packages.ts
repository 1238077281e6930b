import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { asPublisherError } from '../../errors.ts';
import { trivyEnvironment } from '../../scan/arguments.ts';
import type { TrivyParts } from '../../scan/trivy.ts';
import { acceptableTrivy } from '../../scan/trivy.ts';
import type { BasePackage, BasePackages } from './base-packages.ts';

/** Those parts of Trivy's CycloneDX that are used: packages are components with a version. */
const schema = z.looseObject({
  components: z
    .array(
      z.looseObject({ type: z.string(), name: z.string(), version: z.string().nullish(), purl: z.string().nullish() }),
    )
    .nullish(),
});

const BYTES = 256 * 1024 * 1024;

/** `trivy image --format cyclonedx`: packages without their vulnerabilities, so without the database. */
export function packageArguments(reference: string, cacheDir: string | null, timeoutMs: number): string[] {
  return [
    'image',
    ...['--image-src', 'remote'],
    ...['--format', 'cyclonedx'],
    ...['--timeout', `${Math.ceil(timeoutMs / 1000)}s`],
    '--no-progress',
    '--skip-version-check',
    '--disable-telemetry',
    ...(cacheDir === null ? [] : ['--cache-dir', cacheDir]),
    '--',
    reference,
  ];
}

/**
 * The packages of a base over its platforms, each once. Whatever keeps Trivy from telling is an answer too; only `cancelled` is thrown.
 *
 * @param references one for each platform, by digest
 * @param dockerConfig folder with the owner's registry logins; null reads anonymously
 */
export async function listPackages(
  parts: TrivyParts,
  references: readonly string[],
  dockerConfig: string | null,
  signal?: AbortSignal,
): Promise<BasePackages> {
  if ((await parts.find('trivy', parts.env.PATH ?? '')) === null) {
    return { kind: 'not-listed', why: 'Trivy is not installed' };
  }
  const folder = await mkdtemp(join(tmpdir(), 'publisher-sbom-'));
  try {
    const packages: BasePackage[] = [];
    for (const reference of references)
      packages.push(...(await listOf(folder, parts, reference, dockerConfig, signal)));
    return { kind: 'listed', packages: distinct(packages) };
  } catch (error) {
    const failure = asPublisherError(error);
    if (failure.code === 'cancelled') throw failure;
    return { kind: 'not-listed', why: failure.message.replace(/\.$/, '') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function listOf(
  folder: string,
  parts: TrivyParts,
  reference: string,
  dockerConfig: string | null,
  signal?: AbortSignal,
): Promise<BasePackage[]> {
  const { run, env, cacheDir, redact, timeoutMs = 30 * 60_000 } = parts;
  // As for a scan: it reads settings where it runs, and spills into TMPDIR.
  const places = { cwd: join(folder, 'cwd'), tmp: join(folder, 'tmp'), anonymous: join(folder, 'docker') };
  for (const place of Object.values(places)) await mkdir(place, { recursive: true });
  const options = {
    env: { ...(env.PATH === undefined ? {} : { PATH: env.PATH }), ...trivyEnvironment(env), TMPDIR: places.tmp },
    cwd: places.cwd,
    redact,
    maxBytes: BYTES,
    timeoutMs: timeoutMs + 60_000,
    ...(signal === undefined ? {} : { signal }),
  };
  await acceptableTrivy(parts, { ...options, env: { ...options.env, DOCKER_CONFIG: places.anonymous } });
  const { stdout } = await run('trivy', packageArguments(reference, cacheDir, timeoutMs), {
    ...options,
    env: { ...options.env, DOCKER_CONFIG: dockerConfig ?? places.anonymous },
  });
  return parsePackages(stdout);
}

/** @throws ZodError or SyntaxError for what is no CycloneDX document */
export function parsePackages(text: string): BasePackage[] {
  return (schema.parse(JSON.parse(text)).components ?? [])
    .filter(({ type, version, purl }) => type === 'library' && (version ?? purl) !== undefined)
    .map(({ name, version, purl }) => ({ name, version: version ?? '', purl: purl ?? null }));
}

/** Each once, in one order. */
function distinct(packages: readonly BasePackage[]): BasePackage[] {
  const keyed = packages.map((each) => [each.purl ?? `${each.name} ${each.version}`, each] as const);
  return [...new Map(keyed).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
