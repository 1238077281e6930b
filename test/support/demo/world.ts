import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { readEnvironment } from '../../../src/environment.ts';
import { guardedFetch } from '../../../src/http/fetch.ts';
import { type Logger, silentLogger } from '../../../src/log.ts';
import { type Bot, type BotOptions, startBot } from '../../../src/main.ts';
import { RegistryClient, type RegistryRepository } from '../../../src/registry/client.ts';
import { type GitHubStandIn, startGitHub } from '../github/index.ts';
import type { HubModel } from '../hub/model.ts';
import { type HubStandIn, startHub } from '../hub/server.ts';
import { pushBaseImage, type RegistryOptions, type RegistryStandIn, startRegistry } from '../registry/index.ts';

export const WEBHOOK_SECRET = 'a-secret-of-the-demo';
export const REPO = { owner: 'acme', name: 'models' };
export const REGISTRY_PASSWORD = 'registry-pass-of-the-demo';

/** GitHub, Hub and registry on loopback, and the settings a bot needs to work with them. */
export interface StandIns {
  github: GitHubStandIn;
  hub: HubStandIn | null;
  registry: RegistryStandIn;
  /** `host/base/runtime:v1.2.3`, in the registry. */
  baseReference: string;
  /** The bot's environment variables; its data and credentials lie in a folder of their own. */
  settings: Record<string, string>;
  /** A repository of the registry, as its user sees it. */
  repository(name: string): RegistryRepository;
  close(): Promise<void>;
}

export interface World extends StandIns {
  bot: Bot;
  /** What the bot's child processes are found by and handed; may be changed while it runs. */
  variables: Record<string, string | undefined>;
  /** Stops the bot and starts another on the same data. */
  restartBot(): Promise<void>;
}

export interface WorldOptions {
  models: HubModel[];
  /** Token → repositories it was granted. */
  hubTokens?: Record<string, string[]>;
  /** The real Hub instead of a stand-in. */
  hubEndpoint?: string;
  /** Over the settings, and over this process's environment for the bot's child processes. */
  variables?: Record<string, string>;
  logger?: Logger;
  queue?: BotOptions['queue'];
  /** How the bot builds runtime images, given the stand-ins. */
  runtimes?: (places: StandIns) => NonNullable<BotOptions['runtimes']>;
  /** How the registry differs from the usual one. */
  registry?: RegistryOptions;
  registryPassword?: string;
  webhookSecret?: string;
  /** More settings, of what only the stand-ins know. */
  settings?: (places: Pick<StandIns, 'registry' | 'settings'>) => Record<string, string>;
  /** Milliseconds a content URL of the Hub is good for. */
  signedUrlMs?: number;
}

export async function startStandIns(options: WorldOptions): Promise<StandIns> {
  const folder = await mkdtemp(join(tmpdir(), 'publisher-world-'));
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const step of closing.splice(0)) await step();
  };
  const { registryPassword: password = REGISTRY_PASSWORD, webhookSecret = WEBHOOK_SECRET } = options;
  try {
    const registry = await startRegistry({ users: { robot: password }, ...options.registry });
    closing.unshift(() => registry.close());
    const hub =
      options.hubEndpoint === undefined
        ? await startHub({
            models: options.models,
            tokens: options.hubTokens ?? {},
            ...(options.signedUrlMs === undefined ? {} : { signedUrlMs: options.signedUrlMs }),
          })
        : null;
    if (hub !== null) closing.unshift(() => hub.close());
    const github = await startGitHub({ webhookSecret, owners: [REPO.owner], tokenSeconds: 5 });
    closing.unshift(() => github.close());
    const client = new RegistryClient({
      fetch: guardedFetch({ allow: [], allowLoopback: true }),
      clock: systemClock,
      credentials: async () => ({ username: 'robot', password }),
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
    await writeDockerConfig(folder, registry.host, password);
    const settings: Record<string, string> = {
      HOME: folder,
      DATA_DIR: join(folder, 'data'),
      DOCKER_CONFIG: join(folder, 'docker'),
      HF_ENDPOINT: hub?.url ?? options.hubEndpoint ?? '',
      // Hosts on loopback have to be listed, those beside the registry too.
      SOURCE_ALLOW: [registry.host, registry.cdnHost, registry.realmHost].filter((host) => host !== null).join(','),
      PUBLISH_ALLOW: `${REPO.owner}=${registry.host}/${REPO.owner}/*`,
      APP_ID: String(github.appId),
      PRIVATE_KEY: github.privateKey,
      WEBHOOK_SECRET: webhookSecret,
      GITHUB_API_URL: github.url,
      HOST: '127.0.0.1',
      PORT: '0',
      ...options.variables,
    };
    Object.assign(settings, options.settings?.({ registry, settings }));
    const baseReference = `${registry.host}/base/runtime:v1.2.3`;
    return { github, hub, registry, baseReference, settings, repository, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** GitHub, Hub and registry as stand-ins on loopback, and the real bot between them. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const standIns = await startStandIns(options);
  const { github } = standIns;
  try {
    const environment = readEnvironment(standIns.settings, 'bot');
    const variables = { ...process.env, ...options.variables };
    const { logger = silentLogger, queue = {} } = options;
    const runtimes = options.runtimes === undefined ? {} : { runtimes: options.runtimes(standIns) };
    const start = async () => {
      const bot = await startBot({ environment, logger, as: 'serve', variables, queue, ...runtimes });
      github.setWebhookTarget(`${bot.url}/api/github/webhooks`);
      return bot;
    };
    const world: World = {
      ...standIns,
      variables,
      bot: await start(),
      async restartBot() {
        await world.bot.stop();
        world.bot = await start();
      },
      async close() {
        await world.bot.stop();
        await standIns.close();
      },
    };
    return world;
  } catch (error) {
    await standIns.close();
    throw error;
  }
}

async function writeDockerConfig(folder: string, host: string, password: string): Promise<void> {
  await mkdir(join(folder, 'docker'), { recursive: true });
  const auth = Buffer.from(`robot:${password}`).toString('base64');
  await writeFile(join(folder, 'docker', 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }), {
    mode: 0o600,
  });
}
