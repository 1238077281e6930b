import { setMaxListeners } from 'node:events';
import { Probot, ProbotOctokit } from 'probot';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { createKeyedLocks, type KeyedLocks } from '../keyed-locks.ts';
import type { Logger } from '../log.ts';
import { naming } from './errors.ts';
import { createGitHub } from './octokit-github.ts';
import type { GitHub } from './types.ts';

export interface InstallationsOptions {
  appId: number;
  /** PEM. */
  privateKey: string;
  webhookSecret: string;
  /** Root of the REST API. */
  apiUrl: string;
  /** GitHub asks for pauses between writes; a stand-in on loopback does not. */
  pauses: boolean;
  /** Ends every request: a GitHub that is silent holds no process up that has to stop. */
  stopping: AbortSignal;
  clock: Clock;
  logger: Logger;
}

const tokenAnswer = z.object({ token: z.string().min(1), expires_at: z.string() });
const appAnswer = z.object({
  slug: z.string().min(1),
  // An account has a login, an enterprise only a slug.
  owner: z.object({ login: z.string().optional(), slug: z.string().optional() }).nullish(),
});
type App = z.infer<typeof appAnswer>;

/** A token is replaced once less than this share of its life is left, so that none expires on its way. */
const MARGIN = 0.5;

/**
 * The App's clients, one an installation. Tokens are minted when a request needs one and replaced before they expire: a job
 * that outlives its first token goes on with the next.
 */
export class Installations {
  readonly probot: Probot;
  readonly #options: InstallationsOptions;
  readonly #octokit: typeof ProbotOctokit;
  readonly #locks: KeyedLocks = createKeyedLocks();
  readonly #clients = new Map<number, Promise<GitHub>>();
  #app: Promise<App> | null = null;

  constructor(options: InstallationsOptions) {
    const { appId, privateKey, webhookSecret, apiUrl, pauses } = options;
    this.#options = options;
    // Each request of the process listens to it.
    setMaxListeners(0, options.stopping);
    this.#octokit = ProbotOctokit.defaults((given: ConstructorParameters<typeof ProbotOctokit>[0]) => ({
      ...given,
      throttle: { ...given?.throttle, enabled: pauses },
    }));
    this.probot = new Probot({
      appId,
      privateKey,
      secret: webhookSecret,
      baseUrl: apiUrl,
      logLevel: 'fatal',
      Octokit: this.#octokit,
    });
  }

  /** @throws PublisherError `github-unavailable`, `denied` */
  github(installationId: number): Promise<GitHub> {
    const existing = this.#clients.get(installationId);
    if (existing !== undefined) return existing;
    const created = this.#create(installationId);
    this.#clients.set(installationId, created);
    // A GitHub that did not answer is asked again by the next job.
    created.catch(() => this.#clients.delete(installationId));
    return created;
  }

  async #create(installationId: number): Promise<GitHub> {
    const { appId, apiUrl, clock, logger } = this.#options;
    const { slug: appSlug } = await this.#describe();
    const octokit = new this.#octokit({ baseUrl: apiUrl });
    const token = this.#tokens(installationId);
    octokit.hook.before('request', async (request) => {
      request.headers.authorization = `token ${await token()}`;
      request.request.signal = this.#options.stopping;
    });
    return createGitHub(octokit, { appId, appSlug, clock, logger, locks: this.#locks });
  }

  #tokens(installationId: number): () => Promise<string> {
    let current: { token: string; renewAt: number } | null = null;
    let minting: Promise<{ token: string; renewAt: number }> | null = null;
    const mint = () =>
      naming(`minting a token for installation ${installationId}`, async () => {
        const app = await this.probot.auth();
        const now = this.#options.clock.now();
        const { data } = await app.request('POST /app/installations/{installation_id}/access_tokens', {
          installation_id: installationId,
          request: { signal: this.#options.stopping },
        });
        const { token, expires_at } = tokenAnswer.parse(data);
        return { token, renewAt: now + (Date.parse(expires_at) - now) * MARGIN };
      });
    return async () => {
      if (current !== null && this.#options.clock.now() < current.renewAt) return current.token;
      minting ??= mint().finally(() => {
        minting = null;
      });
      current = await minting;
      return current.token;
    };
  }

  /** The account that owns the App: the one that is served where the operator names no other. null when GitHub does not tell. */
  async owner(): Promise<string | null> {
    const { owner } = await this.#describe();
    return owner?.login ?? owner?.slug ?? null;
  }

  /** The App comments as `<slug>[bot]`. */
  #describe(): Promise<App> {
    this.#app ??= naming('reading the App', async () => {
      const app = await this.probot.auth();
      return appAnswer.parse((await app.request('GET /app', { request: { signal: this.#options.stopping } })).data);
    });
    this.#app.catch(() => {
      this.#app = null;
    });
    return this.#app;
  }
}
