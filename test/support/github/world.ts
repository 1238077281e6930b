import type { GitHubEmulator } from './emulator.ts';
import type { Json } from './http.ts';
import { notFound } from './http.ts';
import type { Webhooks } from './webhooks.ts';

export type PermissionLevel = 'none' | 'read' | 'triage' | 'write' | 'maintain' | 'admin';

export interface Person {
  login: string;
  id: number;
  type: 'User' | 'Bot';
  permission: PermissionLevel;
  /** Name of a custom role; the level decides what it may do. */
  roleName: string | null;
}

export interface RepoName {
  owner: string;
  name: string;
}

/** What GitHub keeps and emulate does not: all of it lives as long as the stand-in. */
export interface World {
  /** Base URL clients use. */
  readonly url: string;
  readonly emulator: GitHubEmulator;
  readonly webhooks: Webhooks;
  readonly app: { id: number; slug: string; name: string; owner: string };
  readonly people: Map<string, Person>;
  installationId(owner: string): number | null;
}

export const repoPath = (repo: RepoName): string => `/repos/${repo.owner}/${repo.name}`;
export const fullName = (repo: RepoName): string => `${repo.owner}/${repo.name}`;

/** GitHub's timestamps have whole seconds. */
export const secondsStamp = (milliseconds: number): string =>
  new Date(milliseconds).toISOString().replace(/\.\d{3}Z$/, 'Z');

export function userDocument(world: World, person: Pick<Person, 'login' | 'id' | 'type'>): Json {
  return {
    login: person.login,
    id: person.id,
    node_id: `U_${person.id}`,
    avatar_url: `${world.url}/avatars/u/${person.login}`,
    url: `${world.url}/users/${person.login}`,
    html_url: `${world.url}/${person.login}`,
    type: person.type,
    site_admin: false,
  };
}

export function appDocument(world: World): Json {
  return {
    id: world.app.id,
    slug: world.app.slug,
    name: world.app.name,
    owner: { login: world.app.owner, type: 'Organization' },
  };
}

export function personOf(world: World, login: string): Person {
  const person = world.people.get(login);
  if (person === undefined) throw new Error(`no user ${login}: call addUser first`);
  return person;
}

/** The parts every webhook of a repository has. */
export async function envelope(world: World, repo: RepoName, sender: Json): Promise<Json> {
  const installation = world.installationId(repo.owner);
  return {
    repository: await world.emulator.admin('GET', repoPath(repo)),
    sender,
    ...(installation === null ? {} : { installation: { id: installation, node_id: `I_${installation}` } }),
  };
}

export function repoOf(params: Record<string, string>): RepoName {
  const { owner, repo } = params;
  if (owner === undefined || repo === undefined) throw notFound();
  return { owner, name: repo };
}
