import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/log.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import type { HubModel } from '../hub/model.ts';
import { type HubStandIn, startHub } from '../hub/server.ts';
import { type BaseImage, pushBaseImage, type RegistryStandIn, startRegistry } from '../registry/index.ts';
import { cli, type Told } from './cli.ts';

export const REGISTRY_PASSWORD = 'registry-pass-canary';

export interface Stage {
  hub: HubStandIn;
  registry: RegistryStandIn;
  base: BaseImage;
  baseReference: string;
  /** A folder of this stage alone. */
  folder: string;
  variables: Record<string, string>;
  /** Writes a catalog whose defaults are this stage's base and registry; returns its path. */
  catalog(name: string, models: string, defaults?: string): Promise<string>;
  repository(name: string): RegistryRepository;
  cli(argv: string[], variables?: Record<string, string | undefined>): Promise<Told>;
  close(): Promise<void>;
}

/** What the command line meets: a Hub, a registry that wants a login, a base image, a folder. */
export async function startStage(models: HubModel[]): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-cli-'));
  const registry = await startRegistry({ users: { robot: REGISTRY_PASSWORD } });
  const hub = await startHub({ models, tokens: { hf_canary_of_the_tests: [] } });
  const client = new RegistryClient({
    fetch: globalThis.fetch,
    clock: systemClock,
    credentials: async () => ({ username: 'robot', password: REGISTRY_PASSWORD }),
    logger: silentLogger,
    userAgent: 'test',
  });
  const repository = (name: string) => client.repository({ registry: registry.host, repository: name });
  const base = await pushBaseImage(repository('base/runtime'), {
    tag: 'v1.2.3',
    env: ['PATH=/usr/bin:/bin', 'RUNTIME=tiny'],
    labels: { 'org.example.runtime': 'tiny' },
    workingDir: '/srv',
  });
  const baseReference = `${registry.host}/base/runtime:v1.2.3`;
  const auth = Buffer.from(`robot:${REGISTRY_PASSWORD}`).toString('base64');
  await mkdir(join(folder, 'docker'));
  await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
  const variables = {
    HF_ENDPOINT: hub.url,
    DATA_DIR: join(folder, 'data'),
    DOCKER_CONFIG: join(folder, 'docker'),
    GITHUB_REPOSITORY_OWNER: 'acme',
    HF_TOKEN: 'hf_canary_of_the_tests',
  };
  return {
    hub,
    registry,
    base,
    baseReference,
    folder,
    variables,
    repository,
    async catalog(name, entries, defaults = '') {
      const path = join(folder, `${name}.yaml`);
      const head = [
        'defaults:',
        `  base_image: "${baseReference}"`,
        '  platforms: [linux/amd64, linux/arm64]',
        `  registries: {local: "${registry.host}/{owner}"}`,
        '  publish: {local: true}',
      ];
      await writeFile(path, [...head, defaults, `models:\n${entries}`, ''].join('\n'));
      return path;
    },
    cli: (argv, extra = {}) => cli(argv, { ...variables, ...extra }),
    async close() {
      await hub.close();
      await registry.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
