import { posix } from 'node:path';
import type { Variant } from '../../catalog/types.ts';
import { PublisherError } from '../../errors.ts';
import { fileUrl } from '../../huggingface/download.ts';
import type { HubFile, ModelAt } from '../../huggingface/types.ts';
import { modelFolder } from '../../image/entrypoint-files.ts';
import type { ImageInputs } from '../../image/inputs.ts';
import { type LayerPlan, MAX_LAYERS, OWN_LAYERS, planLayers } from '../../image/layer-plan.ts';
import { type AddedFile, type LayerSources, layerSources } from './layer-sources.ts';

/** Texts of `docker/Dockerfile.slim` and `docker/Dockerfile.fat`. */
export type Dockerfiles = Record<Variant, string>;

/** What a rendered Dockerfile depends on besides its template. */
export interface DockerfileInput
  extends Pick<ImageInputs, 'variant' | 'downloadRoot' | 'short' | 'layerLimit' | 'serveArgs'> {
  files: HubFile[];
  model: ModelAt;
  /** Largest number of layers any base platform already has. */
  baseLayers: number;
}

export type RenderedDockerfile = { ok: true; text: string; sources: LayerSources[] } | { ok: false; message: string };

/** Layers of ours: licences, settings, entrypoint, and in slim images the folder for downloads. */
const FIXED_LAYERS: Record<Variant, number> = { slim: 4, fat: 3 };

/**
 * The Dockerfile of one image: the committed one with its lines in braces replaced. The files share layers as they do in an assembled image.
 *
 * @returns not `ok` when the files fit into no layers
 * @throws PublisherError `internal` for a template without the lines, `too-large` for files that would have to be split
 */
export function renderDockerfile(input: DockerfileInput, template: string): RenderedDockerfile {
  const plan = layersOf(input);
  if (!plan.ok) return { ok: false, message: plan.message };
  const sources = layerSources(plan.layers);
  const lines = sources.map((layer) => layerLines(layer, input));
  const filled = [
    ['stages', lines.flatMap(({ stage }) => stage)],
    ['model', lines.map(({ layer }) => layer)],
    ['command', [`CMD ${JSON.stringify(input.serveArgs)}`]],
  ] as const;
  const text = filled
    .filter(([name]) => input.variant === 'fat' || name === 'command')
    .reduce((whole, [name, replacement]) => replaceLine(whole, name, replacement), template);
  return { ok: true, text, sources };
}

/** `--build-arg`s that are in the image, so also in its inputs: no name of the base, whose digests are inputs already. */
export function dockerfileArguments(
  inputs: Pick<ImageInputs, 'variant' | 'downloadRoot' | 'short' | 'hfCacheDir'>,
  endpoint: string,
): Record<string, string> {
  return inputs.variant === 'fat'
    ? { HF_ENDPOINT: endpoint, MODEL_FOLDER: modelFolder(inputs) }
    : { DOWNLOAD_PARENT: withSlash(posix.dirname(inputs.downloadRoot)), HF_CACHE_DIR: inputs.hfCacheDir };
}

function layersOf({ variant, files, baseLayers, layerLimit, ...rest }: DockerfileInput): LayerPlan {
  const fixed = FIXED_LAYERS[variant];
  const plan: LayerPlan =
    variant === 'slim'
      ? { ok: true, layers: [] }
      : planLayers({
          files,
          folder: modelFolder(rest).slice(1),
          // It leaves room for the layers of an assembled image.
          baseLayers: baseLayers + fixed - OWN_LAYERS,
          layerMaxBytes: layerLimit,
        });
  const isTooTall = plan.ok ? baseLayers + fixed + plan.layers.length > MAX_LAYERS : plan.code === 'too-many-layers';
  if (!isTooTall) return plan;
  const message = `The base image has ${baseLayers} layers, which leaves too few for the ${fixed} of this builder and the model's files: container engines take at most ${MAX_LAYERS}.`;
  return { ok: false, code: 'too-many-layers', message };
}

/** A layer straight from where its files are; through a stage of its own where it has several origins. */
function layerLines({ name, added, copied }: LayerSources, input: DockerfileInput): { stage: string[]; layer: string } {
  const link = isLinked(input) ? '--link ' : '';
  const folder = `\${MODEL_FOLDER}/`;
  const [only] = added;
  if (only === undefined) return { stage: [], layer: `COPY ${link}${words(`${name}/`, folder)}` };
  if (added.length === 1 && copied.length === 0) return { stage: [], layer: addLine(link, only, folder, input) };
  return {
    stage: [
      `FROM scratch AS ${name}`,
      'ARG HF_ENDPOINT',
      ...(copied.length > 0 ? [`COPY ${words(`${name}/`, '/files/')}`] : []),
      ...added.map((file) => addLine('--link ', file, '/files/', input)),
    ],
    layer: `COPY ${link}--from=${name} ${words('/files/', folder)}`,
  };
}

/** A linked layer writes all folders above its files with mode 0755: right only where those are ours, as `/models` is. */
function isLinked({ downloadRoot }: DockerfileInput): boolean {
  return downloadRoot.split('/').filter((part) => part !== '').length <= 1;
}

function addLine(link: string, { path, sha256 }: AddedFile, folder: string, { model }: DockerfileInput): string {
  const url = fileUrl({ endpoint: '' }, model, path);
  if (!/^[\w./%()~,+@=-]+$/.test(url) || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new PublisherError('internal', `${JSON.stringify(path)} cannot be named in a Dockerfile.`);
  }
  return `ADD ${link}--checksum=sha256:${sha256} --chmod=644 ${words(`\${HF_ENDPOINT}${url}`, `${folder}${path}`)}`;
}

/** The JSON form: blanks in names stay what they are. */
function words(from: string, to: string): string {
  return JSON.stringify([from, to]);
}

function replaceLine(template: string, name: string, replacement: readonly string[]): string {
  const line = `# {${name}}\n`;
  const [before, after, ...more] = template.split(line);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new PublisherError('internal', `A Dockerfile of the package has not exactly one line \`# {${name}}\`.`);
  }
  return `${before}${replacement.map((each) => `${each}\n`).join('')}${after}`;
}

function withSlash(folder: string): string {
  return folder.endsWith('/') ? folder : `${folder}/`;
}
