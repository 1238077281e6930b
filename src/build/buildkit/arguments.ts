import { formatPlatform } from '../../image/platform.ts';
import type { Platform } from '../../registry/types.ts';

/** One run of `docker buildx build`: an image for one platform, written to a layout on disk. */
export interface BuildRun {
  /** Paths of this machine. */
  dockerfile: string;
  context: string;
  metadataFile: string;
  /** Folder to write an OCI layout to. */
  layout: string;
  platform: Platform;
  /** `host/repository@sha256:…`. */
  base: string;
  buildArguments: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  created: string;
}

/**
 * Arguments of `docker` for one run (docs.docker.com, "docker buildx build").
 *
 * One platform a run, since labels name that platform's base. Layers are not compressed, as in assembled images, and carry the
 * time of the inputs. BuildKit's own attestations are off: they would hold the time of the build, and the image's are made elsewhere.
 */
export function buildArguments(run: BuildRun): string[] {
  const output = [
    'type=oci',
    'tar=false',
    `dest=${run.layout}`,
    'oci-mediatypes=true',
    'compression=uncompressed',
    'rewrite-timestamp=true',
  ];
  return [
    'buildx',
    'build',
    '--quiet',
    '--provenance=false',
    '--sbom=false',
    `--platform=${formatPlatform(run.platform)}`,
    `--file=${run.dockerfile}`,
    `--metadata-file=${run.metadataFile}`,
    `--output=${output.map(csvField).join(',')}`,
    `--build-arg=BASE=${run.base}`,
    `--build-arg=SOURCE_DATE_EPOCH=${Math.floor(Date.parse(run.created) / 1000)}`,
    ...pairs('--build-arg=', run.buildArguments),
    ...pairs('--label=', run.labels),
    ...pairs('--annotation=manifest:', run.labels),
    run.context,
  ];
}

/** Arguments that ask whether there is a builder, and which. */
export const INSPECT_ARGUMENTS: readonly string[] = ['buildx', 'inspect'];

function pairs(flag: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(([name, value]) => `${flag}${name}=${value}`);
}

/** `--output` is a line of CSV (RFC 4180). */
function csvField(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
