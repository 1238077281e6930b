import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/exec.ts';
import type { Engine } from './engine.ts';
import { type Measured, measure } from './measure.ts';
import { BASES, type Stage } from './stage.ts';

type Version = 'v1' | 'v2';

/** The founding way: the weights come down inside a build step, and the layer is compressed as is the default. */
export function withRun(stage: Stage, engine: Engine, base: Version): Promise<Measured> {
  const downloads = stage.hub.shards.map(({ path, url }) => `busybox wget -q -O /models/${path} ${url} & p="$p $!"`);
  const script = ['busybox mkdir -p /models', 'p=', ...downloads, 'for i in $p; do wait $i || exit 1; done'].join('\n');
  const step = `RUN ${JSON.stringify(['/bin/busybox', 'sh', '-c', script])}`;
  return buildx(stage, engine, { name: 'run', base, steps: [step], output: '' });
}

/** BuildKit's own way to large files: each fetched into a layer that does not depend on the base, not compressed. */
export function withAdd(stage: Stage, engine: Engine, base: Version): Promise<Measured> {
  const steps = stage.hub.shards.map(
    ({ url, sha256, path }) => `ADD --link --checksum=sha256:${sha256} ${url} /models/${path}`,
  );
  return buildx(stage, engine, { name: 'add', base, steps, output: ',compression=uncompressed' });
}

interface Build {
  name: string;
  base: Version;
  steps: string[];
  output: string;
}

async function buildx({ registry, folder, signal }: Stage, engine: Engine, build: Build): Promise<Measured> {
  const { name, base, steps, output } = build;
  const context = join(folder, name);
  await mkdir(context, { recursive: true });
  await writeFile(join(context, 'Dockerfile'), [`FROM ${registry}/${BASES[base]}`, ...steps, ''].join('\n'));
  const image = `type=image,name=${registry}/${name}:${base},push=true${output}`;
  return measure(
    () =>
      run('docker', ['buildx', 'build', '--network=host', '--provenance=false', '--output', image, context], {
        env: { DOCKER_HOST: engine.host, HOME: folder },
        timeoutMs: 60 * 60_000,
        signal,
      }),
    [engine.pid],
  );
}
