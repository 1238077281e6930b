import { posix } from 'node:path';
import type { BaseLicense } from '../../licensing/base-licenses.ts';
import type { AssembleContext } from '../assemble.ts';
import { downloadRootMode, settingsFiles } from '../own-layers.ts';
import type { BuildRequest } from '../types.ts';
import type { ContextDirectory, writeContext } from './context.ts';
import type { LayerSources } from './layer-sources.ts';

/**
 * What the committed Dockerfiles copy: the very files that the assembler would write, and those of the model's that BuildKit does not
 * fetch itself, verified as they come from the Hub.
 *
 * @throws PublisherError download codes, `denied`
 */
export async function contextOf(
  request: BuildRequest,
  sources: readonly LayerSources[],
  licenses: readonly BaseLicense[],
  { hub, licenses: licenseFiles, entrypoint, signal }: AssembleContext,
): Promise<Parameters<typeof writeContext>[1]> {
  const { inputs, files, hubId } = request;
  const model = { id: hubId, revision: inputs.revision };
  const legal = await licenseFiles({ ...request, resharded: [] }, licenses, signal);
  return {
    directories: [
      ...downloadFolder(inputs),
      ...['root', 'licenses', 'settings', ...sources.map(({ name }) => name)].map((path) => ({
        path,
        mode: 0o755 as const,
      })),
    ],
    files: [
      ...legal.map(({ path, content }) => ({ path: path.slice(1), mode: 0o644 as const, content: [content] })),
      ...settingsFiles(inputs, files).map(({ name, content }) => ({
        path: `settings/${name}`,
        mode: 0o644 as const,
        content: [new TextEncoder().encode(content)],
      })),
      { path: 'entrypoint', mode: 0o755, content: [entrypoint] },
      ...sources.flatMap(({ name, copied }) =>
        copied.map((file) => ({
          path: `${name}/${file.path}`,
          mode: 0o644 as const,
          content: hub.download(model, file, { signal }),
        })),
      ),
    ],
  };
}

/** It is copied as a folder, since `COPY` gives folders that it only needs on its way modes of its own. */
function downloadFolder(inputs: BuildRequest['inputs']): ContextDirectory[] {
  const name = posix.basename(inputs.downloadRoot);
  return name === '' ? [] : [{ path: `root/${name}`, mode: downloadRootMode(inputs) }];
}
