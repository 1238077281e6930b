import { join } from 'node:path';
import { run } from '../../src/exec.ts';
import { type Measured, measure } from './measure.ts';
import type { Stage } from './stage.ts';

/** The weights in a folder, then `oras push`: an artifact of files, without a base. */
export async function downloadAndPush(stage: Stage): Promise<Measured> {
  return measure(async () => {
    const wanted = stage.hub.shards.flatMap(({ url, path }) => ['-o', path, url]);
    await run('curl', ['-fsSL', '--parallel', '--parallel-max', '4', ...wanted], {
      cwd: stage.folder,
      signal: stage.signal,
    });
    await push(stage, 'v1');
  });
}

/** The same again under another tag, the files still there: hashed anew, found in the registry. */
export async function pushAgain(stage: Stage): Promise<Measured> {
  return measure(() => push(stage, 'v2'));
}

async function push({ hub, registry, folder, signal }: Stage, tag: string): Promise<void> {
  const files = hub.shards.map(({ path }) => `${path}:application/vnd.oci.image.layer.v1.tar`);
  await run('oras', ['push', '--plain-http', '--concurrency', '4', `${registry}/oras:${tag}`, ...files], {
    cwd: folder,
    env: { HOME: join(folder) },
    signal,
  });
}
