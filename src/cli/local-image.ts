import { mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ENGINE_VARIABLES, passedOn } from '../build/docker-variables.ts';
import type { BuiltImage } from '../build/types.ts';
import { find, run } from '../exec.ts';
import { TAR_END, tarHeader, tarPadding } from '../image/tar.ts';
import { openLayout } from '../registry/layout.ts';
import { parseManifestContent } from '../registry/schema.ts';
import type { Descriptor, Digest } from '../registry/types.ts';
import type { CommandContext } from './command.ts';

/**
 * Gives an image in an OCI layout to the local container engine, as `name`, where there is one that answers; else it stays where it
 * is. Says which.
 *
 * @returns whether an engine has it
 * @param folder the layout, with the image in it
 */
export async function deliverLocally(
  folder: string,
  image: BuiltImage,
  name: string,
  { output, signal, variables }: CommandContext,
): Promise<boolean> {
  const env = passedOn(variables, ENGINE_VARIABLES);
  if (!(await engineAnswers(env, signal))) {
    output.say(`No container engine answers here: the image is the OCI layout ${folder}.`);
    return false;
  }
  const place = await mkdtemp(join(tmpdir(), 'publisher-load-'));
  try {
    const archive = join(place, 'image.tar');
    await writeArchive(archive, folder, image.digest, name);
    await run('docker', ['load', '--input', archive], { env, signal });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
  await rm(folder, { recursive: true, force: true });
  // Other images may lie beside it.
  await rmdir(dirname(folder)).catch(() => undefined);
  output.say(`Loaded into the local container engine as ${name}.`);
  return true;
}

async function engineAnswers(env: Record<string, string>, signal: AbortSignal): Promise<boolean> {
  if ((await find('docker')) === null) return false;
  const { exitCode } = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
    env,
    check: false,
    timeoutMs: 10_000,
    signal,
  });
  return exitCode === 0;
}

/**
 * A tar as `docker save` writes it (its `manifest.json`, blobs by digest), which every engine loads. Only the first platform goes in:
 * the format knows one.
 */
async function writeArchive(path: string, folder: string, digest: Digest, name: string): Promise<void> {
  const layout = openLayout(folder);
  const top = parseManifestContent(await layout.manifest(digest));
  const [first] = top.kind === 'index' ? top.index.manifests : [];
  const content = first === undefined ? top : parseManifestContent(await layout.manifest(first.digest));
  if (content.kind === 'index') throw new TypeError('an index of indexes is never built');
  const { config, layers } = content.manifest;
  const pathOf = (blob: { digest: string }) => `blobs/${blob.digest.replace(':', '/')}`;
  const manifest = [{ Config: pathOf(config), RepoTags: [name], Layers: layers.map(pathOf) }];
  await using file = await open(path, 'wx');
  const entry = async (entryPath: string, size: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    await file.appendFile(tarHeader({ path: entryPath, size, mode: 0o644 }));
    for await (const chunk of chunks) await file.appendFile(chunk);
    await file.appendFile(tarPadding(size));
  };
  const blobs = new Map<string, Descriptor>([config, ...layers].map((blob) => [blob.digest, blob]));
  for (const blob of blobs.values()) await entry(pathOf(blob), blob.size, layout.blob(blob));
  const bytes = new TextEncoder().encode(JSON.stringify(manifest));
  await entry('manifest.json', bytes.length, [bytes]);
  await file.appendFile(TAR_END);
}
