import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PublisherError } from '../../errors.ts';
import type { run } from '../../exec.ts';
import { sha256Hex } from '../../image/hash.ts';
import { ASSEMBLER_FORMAT } from '../../image/inputs.ts';
import { createdOf, imageLabels } from '../../image/labels.ts';
import { parsePlatform } from '../../image/platform.ts';
import { baseLicenses } from '../../licensing/base-licenses.ts';
import { openLayout } from '../../registry/layout.ts';
import type { Descriptor, Platform } from '../../registry/types.ts';
import type { AssembleContext } from '../assemble.ts';
import { type BasePlatform, readBasePlatform } from '../base.ts';
import { finishImage } from '../finish-image.ts';
import { Transfer } from '../transfer.ts';
import type { BuildRequest, BuiltImage } from '../types.ts';
import { buildArguments, INSPECT_ARGUMENTS } from './arguments.ts';
import { writeContext } from './context.ts';
import { contextOf } from './context-files.ts';
import { dockerfileArguments, renderDockerfile } from './dockerfile.ts';
import { dockerEnvironment } from './environment.ts';
import { builderProblem, buildFailure } from './failures.ts';
import { parseMetadata } from './metadata.ts';
import { pushLayout } from './push-layout.ts';
import type { BuildKitSettings } from './settings.ts';

/** The step that runs the builder, which does not say how many bytes it moves. */
export const BUILDKIT_STEP = 'building with BuildKit';
/** Milliseconds for one platform: nothing tells a stalled build from a slow one, so a whole large model has to fit. */
const BUILD_MS = 6 * 60 * 60_000;
const INSPECT_MS = 60_000;

export interface BuildKitContext extends BuildKitSettings {
  /** Variables of the process: those that name engine and builder are passed on. */
  variables: Readonly<Record<string, string | undefined>>;
  run: typeof run;
}

interface PlatformBase {
  wanted: Platform;
  base: BasePlatform;
}

/**
 * Builds one image for all its platforms with `docker buildx` and pushes it by digest to every target; no tag is written.
 *
 * Each platform is built on its own into a layout on disk, as its labels name its own base; what BuildKit has of the model's layers it
 * keeps for the next. The index is ours, as in assembled images.
 *
 * @throws PublisherError `environment` without docker, buildx or a builder that answers; `image-invalid`, `too-large`, download and
 *   registry codes
 */
export async function buildWithBuildKit(
  request: BuildRequest,
  context: AssembleContext & { buildkit: BuildKitContext },
): Promise<BuiltImage> {
  const { inputs } = request;
  const { signal, clock, buildkit } = context;
  const startedAt = context.startedAt ?? clock.now();
  await assertBuilder(buildkit, signal);
  const bases = await readBases(request, context);
  const { text, sources } = dockerfileOf(request, bases, buildkit);
  const licenses = baseLicenses(
    bases.map(({ base: { config } }) => ({ env: config.config?.Env ?? [], labels: config.config?.Labels ?? {} })),
  );
  const transfer = new Transfer(context, 0);
  await using work = await workFolder();
  await writeFile(join(work.path, 'Dockerfile'), text);
  transfer.step('preparing the build context');
  await writeContext(work.context, await contextOf(request, sources, licenses, context));

  const manifests: Descriptor[] = [];
  for (const [at, { wanted, base }] of bases.entries()) {
    transfer.step(BUILDKIT_STEP);
    const layout = work.make(`layout-${at}`);
    const created = createdOf(request.lastModified, base.config.created ?? null);
    const digest = await runBuild(
      {
        dockerfile: work.make('Dockerfile'),
        context: work.context,
        metadataFile: work.make(`metadata-${at}.json`),
        layout,
        platform: wanted,
        base: `${context.base.reference.registry}/${context.base.reference.repository}@${base.manifestDigest}`,
        buildArguments: inputs.buildkit?.arguments ?? {},
        labels: imageLabels(inputs, { key: request.key, base: base.manifestDigest, licenses, created }),
        created,
      },
      buildkit,
      signal,
    );
    transfer.step('pushing the image');
    manifests.push({ ...(await pushLayout(openLayout(layout), digest, base, transfer, signal)), platform: wanted });
    await rm(layout, { recursive: true, force: true });
  }
  const weights = sources.flatMap(({ name, added, copied }) => (name === 'small-files' ? [] : [...added, ...copied]));
  const done = {
    manifests,
    bases: bases.map(({ base }) => base),
    licenses,
    weights: bytesOf(request, weights),
    startedAt,
  };
  return finishImage(request, done, context, transfer);
}

/** @throws PublisherError `environment` saying what to install or start */
async function assertBuilder({ run, variables }: BuildKitContext, signal?: AbortSignal): Promise<void> {
  const env = dockerEnvironment(variables);
  const answer = await run('docker', INSPECT_ARGUMENTS, { env, check: false, timeoutMs: INSPECT_MS, signal });
  const problem = builderProblem(answer);
  if (problem !== null) throw problem;
}

async function readBases(request: BuildRequest, { base, signal }: AssembleContext): Promise<PlatformBase[]> {
  const platforms = Object.entries(request.inputs.base).sort(([a], [b]) => (a < b ? -1 : 1));
  const bases: PlatformBase[] = [];
  for (const [platform, digest] of platforms) {
    const found = await readBasePlatform(base.source, request.base.reference, digest, signal);
    // They would run with the build; an assembled image never runs anything.
    if (hasTriggers(found)) {
      const text = `Base image ${request.base.reference} has ONBUILD triggers, which would run while the model's image is built: use \`builder: assemble\`.`;
      throw new PublisherError('image-invalid', text);
    }
    bases.push({ wanted: parsePlatform(platform), base: found });
  }
  return bases;
}

function hasTriggers({ config }: BasePlatform): boolean {
  const triggers = config.config?.OnBuild;
  return Array.isArray(triggers) && triggers.length > 0;
}

/** Rendered again and held against what was planned, since the package may have changed in between. */
function dockerfileOf(
  request: BuildRequest,
  bases: readonly PlatformBase[],
  { dockerfiles, endpoint }: BuildKitContext,
) {
  const { inputs, files, hubId } = request;
  const baseLayers = Math.max(...bases.map(({ base }) => base.layers.length));
  const model = { id: hubId, revision: inputs.revision };
  const rendered = renderDockerfile({ ...inputs, files, model, baseLayers }, dockerfiles[inputs.variant]);
  if (!rendered.ok) throw new PublisherError('too-large', rendered.message);
  const planned = inputs.buildkit;
  const given = dockerfileArguments(inputs, endpoint);
  const isAsPlanned =
    inputs.format === ASSEMBLER_FORMAT &&
    planned?.dockerfile === sha256Hex(rendered.text) &&
    Object.entries(given).every(([name, value]) => planned.arguments[name] === value);
  if (isAsPlanned) return rendered;
  const text =
    'This image was planned with another Dockerfile than this version builds, or for another Hub. Plan it again (/rebuild).';
  throw new PublisherError('image-invalid', text);
}

async function runBuild(
  build: Parameters<typeof buildArguments>[0],
  { run, variables }: BuildKitContext,
  signal?: AbortSignal,
) {
  const options = { env: dockerEnvironment(variables), check: false, timeoutMs: BUILD_MS, signal };
  const { exitCode, stderr } = await run('docker', buildArguments(build), options);
  if (exitCode !== 0) throw buildFailure(stderr);
  return parseMetadata(await readFile(build.metadataFile, 'utf8'));
}

async function workFolder() {
  const path = await mkdtemp(join(tmpdir(), 'publisher-buildkit-'));
  return {
    path,
    /** BuildKit tells contexts apart by the name of their folder, so no two builds have one. */
    context: join(path, `context-${basename(path)}`),
    make: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

function bytesOf({ files }: BuildRequest, wanted: readonly { path: string }[]): number {
  const paths = new Set(wanted.map(({ path }) => path));
  return files.reduce((sum, { path, size }) => sum + (paths.has(path) ? size : 0), 0);
}
