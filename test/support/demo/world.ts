import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { readEnvironment } from '../../../src/environment.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { type Logger, silentLogger } from '../../../src/log.ts';
import { type Bot, startBot } from '../../../src/main.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import { type GitHubStandIn, startGitHub } from '../github/index.ts';
import type { HubModel } from '../hub/model.ts';
import { type HubStandIn, startHub } from '../hub/server.ts';
import { pushBaseImage, type RegistryStandIn, startRegistry } from '../registry/index.ts';

export const WEBHOOK_SECRET = 'a-secret-of-the-demo';
export const REPO = { owner: 'acme', name: 'models' };
const PASSWORD = 'registry-pass-of-the-demo';

export interface World {
  github: GitHubStandIn;
  hub: HubStandIn | null;
  registry: RegistryStandIn;
  bot: Bot;
  /** `host/base/runtime:v1.2.3`, in the registry. */
  baseReference: string;
  /** A repository of the registry, as its user sees it. */
  repository(name: string): RegistryRepository;
  /** Stops the bot and starts another on the same data. */
  restartBot(): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  models: HubModel[];
  /** The real Hub instead of a stand-in. */
  hubEndpoint?: string;
  variables?: Record<string, string>;
  logger?: Logger;
}

/** GitHub, Hub and registry as stand-ins on loopback, and the real bot between them. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-world-'));
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.splice(0)) await step();
  };
  try {
    const registry = await startRegistry({ users: { robot: PASSWORD } });
    closing.unshift(() => registry.close());
    const hub = options.hubEndpoint === undefined ? await startHub({ models: options.models }) : null;
    if (hub !== null) closing.unshift(() => hub.close());
    const github = await startGitHub({ webhookSecret: WEBHOOK_SECRET, owners: [REPO.owner], tokenSeconds: 5 });
    closing.unshift(() => github.close());
    const client = new RegistryClient({
      fetch: guardedFetch({ allow: [], allowLoopback: true }),
      clock: systemClock,
      credentials: async () => ({ username: 'robot', password: PASSWORD }),
      logger: silentLogger,
      userAgent: 'demo',
    });
    const repository = (name: string) => client.repository({ registry: registry.host, repository: name });
    await pushBaseImage(repository('base/runtime'), {
      tag: 'v1.2.3',
      env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'RUNTIME=tiny'],
      labels: { 'org.example.runtime': 'tiny' },
      workingDir: '/srv',
    });
    await writeDockerConfig(folder, registry.host);
    const environment = readEnvironment(
      {
        HOME: folder,
        DATA_DIR: join(folder, 'data'),
        DOCKER_CONFIG: join(folder, 'docker'),
        HF_ENDPOINT: hub?.url ?? options.hubEndpoint ?? '',
        SOURCE_ALLOW: registry.host,
        PUBLISH_ALLOW: `${REPO.owner}=${registry.host}/${REPO.owner}/*`,
        APP_ID: String(github.appId),
        PRIVATE_KEY: github.privateKey,
        WEBHOOK_SECRET,
        GITHUB_API_URL: github.url,
        HOST: '127.0.0.1',
        PORT: '0',
        ...options.variables,
      },
      'bot',
    );
    const start = () => startBot({ environment, logger: options.logger ?? silentLogger, as: 'serve' });
    const world: World = {
      github,
      hub,
      registry,
      bot: await start(),
      baseReference: `${registry.host}/base/runtime:v1.2.3`,
      repository,
      async restartBot() {
        await world.bot.stop();
        world.bot = await start();
        github.setWebhookTarget(`${world.bot.url}/api/github/webhooks`);
      },
      close,
    };
    closing.unshift(() => world.bot.stop());
    github.setWebhookTarget(`${world.bot.url}/api/github/webhooks`);
    return world;
  } catch (error) {
    await close();
    throw error;
  }
}

/** The host of a `host/repository` reference apart from its path. */
export function pathOf(reference: string): string {
  return parseReference(reference).repository;
}

async function writeDockerConfig(folder: string, host: string): Promise<void> {
  await mkdir(join(folder, 'docker'), { recursive: true });
  const auth = Buffer.from(`robot:${PASSWORD}`).toString('base64');
  await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }), {
    mode: 0o600,
  });
}
