import { z } from 'zod';
import { messageOf, PublisherError } from '../errors.ts';

export type Credentials = { username: string; password: string } | { identityToken: string };

/** Credentials for a registry (`docker.io`, `ghcr.io`, `127.0.0.1:5000`), or null for anonymous. */
export type CredentialStore = (registry: string) => Promise<Credentials | null>;

export interface CredentialStoreOptions {
  /** The file's text; null when there is no such file. */
  readFile: (path: string) => Promise<string | null>;
  /** Folders that hold a `config.json`, the most specific first: the owner's, then `DOCKER_CONFIG`. */
  dirs: readonly string[];
  /** Standard output of `docker-credential-<helper> get` for a server; null when it knows none. */
  runHelper: (helper: string, server: string) => Promise<string | null>;
}

/** Docker Hub's key in Docker's configuration, from the days of the first registry protocol. */
const HUB_KEY = 'https://index.docker.io/v1/';

const entrySchema = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});

const configSchema = z.looseObject({
  auths: z.record(z.string(), entrySchema.nullable()).nullish(),
  credsStore: z.string().nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
});

const helperSchema = z.looseObject({ Username: z.string(), Secret: z.string() });

type Config = z.infer<typeof configSchema>;

/** Credentials that belong to everybody: none. */
export const anonymous: CredentialStore = async () => null;

/**
 * The folders with registry credentials for an owner: `REGISTRY_AUTH_DIR/<owner>`, then `DOCKER_CONFIG`. An owner's name
 * becomes a folder's name only when it is an account name, so it cannot lead elsewhere.
 */
export function credentialDirs(owner: string | null, authDir: string | null, dockerConfig: string | null): string[] {
  const dirs: string[] = [];
  if (owner !== null && authDir !== null && /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(owner)) {
    dirs.push(`${authDir}/${owner.toLowerCase()}`);
  }
  if (dockerConfig !== null) dirs.push(dockerConfig);
  return dirs;
}

/**
 * Credentials as Docker's `config.json` holds them: `credHelpers`, then `credsStore`, then `auths`. Files are read on every
 * question, so a new `docker login` counts at once.
 *
 * @throws PublisherError (from the store) `environment` when a file cannot be understood or a helper fails
 */
export function createCredentialStore({ readFile, dirs, runHelper }: CredentialStoreOptions): CredentialStore {
  return async (registry) => {
    for (const dir of dirs) {
      const path = `${dir}/config.json`;
      const text = await readFile(path);
      if (text === null) continue;
      const config = parseConfig(text, path);
      const found = (await fromHelper(config, registry, runHelper)) ?? fromFile(config, registry, path);
      if (found !== null) return found;
    }
    return null;
  };
}

function parseConfig(text: string, path: string): Config {
  try {
    return configSchema.parse(JSON.parse(text));
  } catch {
    // Neither the parser's message nor the cause: both quote the file, and the file holds passwords.
    throw new PublisherError('environment', `${path} is not a Docker configuration: write it anew with docker login`);
  }
}

async function fromHelper(
  config: Config,
  registry: string,
  runHelper: CredentialStoreOptions['runHelper'],
): Promise<Credentials | null> {
  const own = keysOf(registry).map((key) => config.credHelpers?.[key]);
  const helper = own.find((name) => name !== undefined) ?? config.credsStore ?? '';
  if (helper === '') return null;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) {
    throw new PublisherError('environment', `"${helper}" is not the name of a Docker credential helper`);
  }
  const server = registry === 'docker.io' ? HUB_KEY : registry;
  const output = await runHelper(helper, server).catch((error: unknown) => {
    throw new PublisherError('environment', `docker-credential-${helper} failed for ${registry}: ${messageOf(error)}`, {
      cause: error,
    });
  });
  return output === null ? null : fromHelperOutput(output, helper, registry);
}

function fromHelperOutput(output: string, helper: string, registry: string): Credentials | null {
  try {
    const { Username: username, Secret: secret } = helperSchema.parse(JSON.parse(output));
    if (secret === '') return null;
    return username === '<token>' ? { identityToken: secret } : { username, password: secret };
  } catch {
    throw new PublisherError('environment', `docker-credential-${helper} gave no credentials for ${registry}`);
  }
}

function fromFile(config: Config, registry: string, path: string): Credentials | null {
  const wanted = new Set(keysOf(registry));
  const auths = Object.entries(config.auths ?? {});
  // An exact key wins over one that only means the same host.
  const entry =
    auths.find(([key]) => wanted.has(key))?.[1] ?? auths.find(([key]) => wanted.has(hostOfKey(key)))?.[1] ?? null;
  if (entry === null) return null;
  if (entry.identitytoken) return { identityToken: entry.identitytoken };
  if (entry.auth) return decode(entry.auth, registry, path);
  if (entry.username && entry.password) return { username: entry.username, password: entry.password };
  return null;
}

function decode(auth: string, registry: string, path: string): Credentials | null {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw new PublisherError('environment', `${path} holds no user and password for ${registry}`);
  const username = text.slice(0, colon);
  const password = text.slice(colon + 1).replace(/\0+$/, '');
  return username === '' && password === '' ? null : { username, password };
}

function keysOf(registry: string): string[] {
  return registry === 'docker.io' ? [HUB_KEY, 'index.docker.io', 'docker.io', 'registry-1.docker.io'] : [registry];
}

/** `https://host/v1/` and `host` are the same key to Docker. */
function hostOfKey(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
}
