import { createEmulator } from 'emulate';
import type { Json, Reply } from './http.ts';
import { isJson } from './http.ts';

export interface EmulatorOptions {
  appId: number;
  appSlug: string;
  appName: string;
  /** Organisations; each gets one installation, numbered from `installationId` on. */
  owners: string[];
  installationId: number;
  permissions: Record<string, string>;
  events: string[];
}

/** The `emulate` package: git data, repositories, App authentication, the records of issues and comments. */
export interface GitHubEmulator {
  privateKey: string;
  /** Sends a request on, with the caller's own authorization. URLs in the answer name `publicUrl`. */
  forward(method: string, path: string, authorization: string | null, body?: unknown): Promise<Reply>;
  /** The same as the owners' administrator; throws on anything but 2xx. */
  admin(method: string, path: string, body?: unknown): Promise<Json>;
  close(): Promise<void>;
}

const ADMIN_TOKEN = 'stand-in-administrator';
export const ADMIN_LOGIN = 'admin';

export async function startEmulator(options: EmulatorOptions, publicUrl: () => string): Promise<GitHubEmulator> {
  const emulator = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { [ADMIN_TOKEN]: { login: ADMIN_LOGIN } },
      github: {
        orgs: options.owners.map((login) => ({ login, members: [{ login: ADMIN_LOGIN, role: 'admin' }] })),
        apps: [
          {
            app_id: options.appId,
            slug: options.appSlug,
            name: options.appName,
            permissions: options.permissions,
            events: options.events,
            installations: options.owners.map((account, index) => ({
              installation_id: options.installationId + index,
              account,
            })),
          },
        ],
      },
    },
  });
  const privateKey = emulator.generatedSecrets.find((secret) => secret.kind === 'github.app_private_key')?.value;
  if (privateKey === undefined) throw new Error('emulate generated no private key');
  const upstream = `http://127.0.0.1:${new URL(emulator.url).port}`;

  async function forward(method: string, path: string, authorization: string | null, body?: unknown): Promise<Reply> {
    const response = await fetch(`${upstream}${path}`, {
      method,
      headers: {
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const relabel = (text: string) => text.replaceAll(emulator.url, publicUrl()).replaceAll(upstream, publicUrl());
    const text = relabel(await response.text());
    const link = response.headers.get('link');
    return {
      status: response.status,
      ...(text === '' ? {} : { body: JSON.parse(text) }),
      headers: link === null ? {} : { link: relabel(link) },
    };
  }

  return {
    privateKey,
    forward,
    async admin(method, path, body) {
      const reply = await forward(method, path, `token ${ADMIN_TOKEN}`, body);
      if (reply.status >= 300)
        throw new Error(`emulate: ${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
      return isJson(reply.body) ? reply.body : {};
    },
    close: () => emulator.close(),
  };
}
