import { ENTRYPOINT_PATH } from '../image/config.ts';
import { imageConf, serveArgsFile } from '../image/entrypoint-files.ts';
import { fileList } from '../image/file-list.ts';
import { sha256Hex } from '../image/hash.ts';
import type { ImageInputs } from '../image/inputs.ts';
import type { TarEntry } from '../image/tar.ts';
import type { BlobContent, Digest } from '../registry/types.ts';
import { memoryLayer } from './layer-content.ts';
import type { ListedInput } from './types.ts';

type OwnFile = { entry: TarEntry; content: Uint8Array };

const encoder = new TextEncoder();

const SETTINGS = '/etc/model-image';

/** What the entrypoint reads, in `/etc/model-image`. */
export function settingsFiles(inputs: ImageInputs, files: readonly ListedInput[]): { name: string; content: string }[] {
  const list = fileList(inputs.model, inputs.revision, files);
  return [
    { name: 'files.json', content: list },
    { name: 'image.conf', content: imageConf(inputs, sha256Hex(list)) },
    { name: 'serve-args', content: serveArgsFile(inputs.serveArgs) },
  ];
}

/** The layer both variants share in kind: our script, what it reads, and the model folder's parent. */
export function entrypointLayer(
  inputs: ImageInputs,
  files: readonly ListedInput[],
  script: Uint8Array,
): BlobContent & { digest: Digest } {
  const own: OwnFile[] = [
    directory(SETTINGS),
    ...settingsFiles(inputs, files).map(({ name, content }) => text(`${SETTINGS}/${name}`, content)),
    { entry: { path: ENTRYPOINT_PATH.slice(1), size: script.length, mode: 0o755 }, content: script },
  ];
  if (inputs.downloadRoot !== '/') own.push(directory(inputs.downloadRoot, downloadRootMode(inputs)));
  return memoryLayer(own);
}

/**
 * Slim images download as whichever user the base or `docker run --user` says, so anybody may write there, as in `/tmp`; a volume that is
 * new takes the mode over.
 */
export function downloadRootMode({ variant }: Pick<ImageInputs, 'variant'>): 0o755 | 0o1777 {
  return variant === 'slim' ? 0o1777 : 0o755;
}

/** `/licenses`, of paths relative to the image's root. */
export function licenseLayer(files: { path: string; content: Uint8Array }[]): BlobContent & { digest: Digest } {
  const directories = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/').filter((part) => part !== '');
    for (let depth = 1; depth < parts.length; depth += 1) directories.add(`/${parts.slice(0, depth).join('/')}`);
  }
  return memoryLayer([
    ...[...directories].map((path) => directory(path)),
    ...files.map(
      ({ path, content }): OwnFile => ({
        entry: { path: path.replace(/^\//, ''), size: content.length, mode: 0o644 },
        content,
      }),
    ),
  ]);
}

function directory(path: string, mode: TarEntry['mode'] = 0o755): OwnFile {
  return { entry: { path: `${path.slice(1)}/`, size: 0, mode }, content: new Uint8Array() };
}

function text(path: string, value: string): OwnFile {
  const content = encoder.encode(value);
  return { entry: { path: path.slice(1), size: content.length, mode: 0o644 }, content };
}
