import type { ImageInputs } from './inputs.ts';

/** Folder of the model inside image or volume, absolute. */
export function modelFolder({ downloadRoot, short }: Pick<ImageInputs, 'downloadRoot' | 'short'>): string {
  return `${downloadRoot === '/' ? '' : downloadRoot}/${short}`;
}

/**
 * `/etc/model-image/image.conf`: `key=value` lines that the entrypoint reads (it never sources them).
 *
 * @param list hex sha256 of `/etc/model-image/files.json`
 */
export function imageConf(inputs: ImageInputs, list: string): string {
  const lines: [string, string][] = [
    ['format', '1'],
    ['variant', inputs.variant],
    ['engine', inputs.engine],
    ['id', inputs.model],
    ['short', inputs.short],
    ['revision', inputs.revision],
    ['root', inputs.downloadRoot],
    ['list', list],
    ['hf_home', inputs.hfCacheDir],
  ];
  return lines.map(([key, value]) => `${key}=${value}\n`).join('');
}

/** `/etc/model-image/serve-args`: one argument a line. */
export function serveArgsFile(serveArgs: string[]): string {
  return serveArgs.map((argument) => `${argument}\n`).join('');
}
