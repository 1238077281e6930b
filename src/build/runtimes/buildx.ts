import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PublisherError } from '../../errors.ts';
import { run as runChild } from '../../exec.ts';
import type { Digest } from '../../registry/types.ts';
import { BUILDX_VARIABLES, passedOn } from '../docker-variables.ts';
import { digestSchema } from '../schema.ts';
import { type BakeOptions, bakeDefinition, bakeNetwork, type RuntimeOutput } from './bake.ts';
import { unpinnedBases } from './base-lock.ts';
import { builderProblem, parseInspect } from './builder.ts';
import { bakeFailure } from './failure.ts';
import { recipeTag } from './identity.ts';
import type { BuiltRuntime, RuntimeBuilder, RuntimeRequest } from './types.ts';

export interface BuildxOptions extends Omit<BakeOptions, 'output'> {
  /** Variables of the process, of which docker's and buildx's are passed on. */
  variables: Record<string, string | undefined>;
  /** Folder of the `config.json` to log in with; null = as `variables` say. */
  dockerConfig: string | null;
  redact: (text: string) => string;
  /** Called with what somebody should know although nothing failed. */
  onNote?: (note: string) => void;
  run?: typeof runChild;
}

export interface Buildx extends RuntimeBuilder {
  /** Builds without pushing. The digest is null where nothing is kept. @throws PublisherError as `build` */
  make(
    request: RuntimeRequest,
    output: Exclude<RuntimeOutput, { kind: 'push' }>,
    signal?: AbortSignal,
  ): Promise<Digest | null>;
}

/** Several hours of compiling are no error, and a build that nobody waits for ends by its signal. */
const NO_LIMIT = 0;
/** A log of all steps; its end is what a failure tells. */
const LOG_BYTES = 128 * 1024 * 1024;
const metadataSchema = z.record(z.string(), z.unknown());
const builtSchema = z.looseObject({ 'containerimage.digest': digestSchema });
const driverStatusSchema = z.array(z.array(z.string())).nullable();

/** Builds runtime images with `docker buildx bake`, on whatever builder the operator chose (`BUILDX_BUILDER`). */
export function createBuildx(options: BuildxOptions): Buildx {
  const bake = (request: RuntimeRequest, output: RuntimeOutput, signal: AbortSignal | undefined) =>
    bakeOne(request, { ...options, output, run: options.run ?? runChild, env: environmentOf(options) }, signal);
  return {
    make: bake,
    async build(request, signal): Promise<BuiltRuntime> {
      const digest = await bake(request, { kind: 'push' }, signal);
      const { name } = request.runtime;
      if (digest === null) {
        throw new PublisherError('internal', `buildx pushed runtime ${name} and did not say its digest.`);
      }
      return { name, reference: `${request.repository}:${recipeTag(name, request.key)}`, digest };
    },
  };
}

type Bake = BuildxOptions & BakeOptions & { run: typeof runChild; env: Record<string, string> };

async function bakeOne(request: RuntimeRequest, bake: Bake, signal: AbortSignal | undefined): Promise<Digest | null> {
  const { name, build } = request.runtime;
  if (build === null) throw new PublisherError('internal', `Runtime ${name} has nothing to build.`);
  await checkBuilder(request, bake, signal);
  for (const base of unpinnedBases([build], bake.pins)) {
    bake.onNote?.(`Runtime ${name}: base ${base} is not pinned (npm run pin).`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'publisher-bake-'));
  try {
    const network = bakeNetwork([request], bake);
    const files: [string, object][] = [
      // By its name buildx knows Compose from bake; JSON is YAML.
      ...(network === null ? [] : [['compose.yaml', network] satisfies [string, object]]),
      ['docker-bake.json', bakeDefinition([request], bake)],
    ];
    const paths = files.map(([file]) => join(folder, file));
    for (const [file, content] of files) await writeFile(join(folder, file), JSON.stringify(content));
    const metadata = join(folder, 'metadata');
    const { exitCode, stderr } = await bake.run('docker', bakeArguments(paths, metadata, name), {
      env: bake.env,
      // buildx asks before it reads outside the folder it runs in.
      cwd: bake.context,
      timeoutMs: NO_LIMIT,
      maxErrorBytes: LOG_BYTES,
      check: false,
      signal,
    });
    if (exitCode !== 0) throw failed(name, stderr, bake);
    return bake.output.kind === 'none' ? null : readDigest(await readFile(metadata, 'utf8'), name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `docker …`: bakes the target `name` of the definition files. */
export function bakeArguments(files: readonly string[], metadata: string, name: string): string[] {
  const named = files.flatMap((file) => ['--file', file]);
  return ['buildx', 'bake', ...named, '--progress', 'plain', '--metadata-file', metadata, name];
}

/** The digest in what `--metadata-file` wrote for a target. @throws PublisherError `internal` */
export function readDigest(text: string, name: string): Digest {
  try {
    return builtSchema.parse(metadataSchema.parse(JSON.parse(text))[name])['containerimage.digest'];
  } catch (error) {
    throw new PublisherError('internal', `buildx did not say the digest of runtime ${name}.`, { cause: error });
  }
}

async function checkBuilder(request: RuntimeRequest, bake: Bake, signal: AbortSignal | undefined): Promise<void> {
  const ask = { env: bake.env, check: false, timeoutMs: 300_000, signal };
  const inspected = await bake.run('docker', ['buildx', 'inspect', '--bootstrap'], ask);
  if (inspected.exitCode !== 0) {
    const { told } = bakeFailure(bake.redact(inspected.stderr));
    const advice =
      'runtimes are built with docker buildx: install it, and let BUILDX_BUILDER name a builder that answers';
    throw new PublisherError('environment', `No builder answers (${told}): ${advice}.`);
  }
  const facts = parseInspect(inspected.stdout);
  const snapshotter = facts.driver !== 'docker' || (await usesContainerd(bake, signal));
  const wanted = { platforms: request.runtime.platforms, stored: bake.output.kind !== 'none' };
  const problem = builderProblem(facts, snapshotter, wanted);
  if (problem !== null) throw new PublisherError('environment', `Runtime ${request.runtime.name}: ${problem}`);
}

async function usesContainerd({ run, env }: Bake, signal: AbortSignal | undefined): Promise<boolean> {
  const args = ['info', '--format', '{{json .DriverStatus}}'];
  const { exitCode, stdout } = await run('docker', args, { env, check: false, timeoutMs: 30_000, signal });
  if (exitCode !== 0) return false;
  const status = driverStatusSchema.parse(JSON.parse(stdout)) ?? [];
  return status.some(([key, value]) => key === 'driver-type' && value?.startsWith('io.containerd.snapshotter'));
}

function failed(name: string, stderr: string, bake: Bake): PublisherError {
  const { code, told } = bakeFailure(bake.redact(stderr));
  const kept =
    bake.output.kind === 'push' && code.startsWith('registry-')
      ? '\nRegistries that answered may have it already; publish again once all do.'
      : '';
  return new PublisherError(code, `Runtime ${name} could not be built:\n${told}${kept}`);
}

function environmentOf({ variables, dockerConfig }: BuildxOptions): Record<string, string> {
  const passed = Object.entries(passedOn(variables, [...BUILDX_VARIABLES, 'BUILDKIT_HOST'])).filter(
    ([, value]) => value !== '',
  );
  const env: Record<string, string> = {
    // The definition is ours: there is nobody to ask whether it may read what it names.
    BUILDX_BAKE_ENTITLEMENTS_FS: '0',
    ...Object.fromEntries(passed),
  };
  if (dockerConfig === null) return env;
  // Another login must not lose the operator's builders, which buildx keeps beside the login.
  const own = env.DOCKER_CONFIG ?? (variables.HOME === undefined ? undefined : `${variables.HOME}/.docker`);
  const builders = env.BUILDX_CONFIG ?? (own === undefined ? undefined : `${own}/buildx`);
  return { ...env, DOCKER_CONFIG: dockerConfig, ...(builders === undefined ? {} : { BUILDX_CONFIG: builders }) };
}
