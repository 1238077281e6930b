import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runCli } from '../../../src/cli/run.ts';
import type { HubModel } from '../hub/model.ts';
import { type HubStandIn, startHub } from '../hub/server.ts';
import { type Distribution, startDistribution } from '../registry/index.ts';
import { docker } from './engine.ts';

export interface ShopOptions {
  models: HubModel[];
  tokens?: Record<string, string[]>;
  /** The catalog, once the registry's `host:port` is known. */
  catalog(registry: string): { defaults?: object; runtimes?: object; models: object[] };
}

interface Built {
  reference: string;
  variant: string;
  smoke?: { status: string; reason: string | null };
}

interface BuildAnswer {
  images: Built[];
  errors: { message: string }[];
  /** On standard error. */
  said: string;
}

/** Hub, registry and command line, to make images for the container engine of this machine. */
export class Shop {
  readonly hub: HubStandIn;
  readonly registry: Distribution;
  readonly folder: string;
  private readonly images = new Set<string>();
  private readonly containers = new Set<string>();

  private constructor(hub: HubStandIn, registry: Distribution, folder: string) {
    this.hub = hub;
    this.registry = registry;
    this.folder = folder;
  }

  static async open({ models, tokens = {}, catalog }: ShopOptions): Promise<Shop> {
    // A container on a busy machine may take its time between the two requests of a download.
    const hub = await startHub({ models, tokens, signedUrlMs: 60_000 });
    const registry = await startDistribution();
    const folder = await mkdtemp(join(tmpdir(), 'publisher-engine-test-'));
    const { defaults = {}, ...rest } = catalog(registry.host);
    const places = { registries: { local: `${registry.host}/acme` }, publish: { local: true } };
    await writeFile(join(folder, 'models.yaml'), JSON.stringify({ defaults: { ...places, ...defaults }, ...rest }));
    return new Shop(hub, registry, folder);
  }

  /** `build SHORT --json …`, with the exit code it is to have. */
  async build(short: string, args: string[], exit = 0): Promise<BuildAnswer> {
    const written = { stdout: '', stderr: '' };
    const ended = await runCli(['build', short, '--json', '--catalog', join(this.folder, 'models.yaml'), ...args], {
      stdout: { write: (text) => (written.stdout += text) },
      stderr: { write: (text) => (written.stderr += text) },
      variables: {
        PATH: process.env.PATH,
        HOME: this.folder,
        HF_ENDPOINT: this.hub.url,
        DATA_DIR: join(this.folder, 'data'),
      },
    });
    expect(ended, written.stderr).toBe(exit);
    const result = JSON.parse(written.stdout);
    for (const { reference } of result.images) this.owns(reference);
    return { ...result, said: written.stderr };
  }

  /** The reference of the one image that `build` makes. */
  async image(short: string, variant: string): Promise<string> {
    const { images } = await this.build(short, ['--variant', variant]);
    expect(images).toHaveLength(1);
    return images[0]?.reference ?? '';
  }

  /** Removes this image from the engine at the end. */
  owns(image: string): void {
    this.images.add(image);
  }

  volume(): Promise<string> {
    return mkdtemp(join(this.folder, 'volume-'));
  }

  /** `docker run --rm` to its end. */
  run(options: string[], reference: string, ...args: string[]) {
    return docker(['run', '--rm', ...options, reference, ...args]);
  }

  /** `docker run --detach`; the container's id. */
  async start(options: string[], reference: string, ...args: string[]): Promise<string> {
    const { stdout, stderr, code } = await docker(['run', '--detach', ...options, reference, ...args]);
    expect(code, stderr).toBe(0);
    const container = stdout.trim();
    this.containers.add(container);
    return container;
  }

  /** What a running container answers on a path of its own loopback, once it does. */
  async answer(container: string, port: number, path: string): Promise<string> {
    let last = '';
    await expect
      .poll(
        async () => {
          const asked = await docker(['exec', container, 'busybox', 'wget', '-qO-', `http://127.0.0.1:${port}${path}`]);
          last = asked.stdout;
          return asked.code;
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBe(0);
    return last;
  }

  /** Requests for the content of files that the Hub has seen so far, as method and file name; HEAD and metadata are not among them. */
  fetched(): string[] {
    return this.hub.requests
      .filter(({ server, method, path }) => method === 'GET' && (server === 'cdn' || path.includes('/resolve')))
      .map(({ path }) => decodeURIComponent(path.split('?')[0]?.split('/').at(-1) ?? ''));
  }

  async close(): Promise<void> {
    for (const container of this.containers) await docker(['rm', '--force', container]);
    for (const image of this.images) await docker(['rmi', '--force', image]);
    await this.registry.close();
    await this.hub.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
