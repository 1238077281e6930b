import { z } from 'zod';
import type { GitHubEmulator } from './emulator.ts';
import { Rejection, type Reply } from './http.ts';

const tokenDocument = z.looseObject({ token: z.string(), permissions: z.record(z.string(), z.string()) });

interface Token {
  /** Milliseconds since the epoch. */
  expiresAt: number;
  permissions: Record<string, string>;
}

/** Who is asking: the App itself (JWT), one of its installations, or nobody. */
export interface Access {
  /** Remembers an installation token of emulate's answer and gives it this stand-in's life time. */
  minted(reply: Reply): Reply;
  /** @throws Rejection 401 unless the authorization is the App's JWT */
  requireApp(authorization: string | null): Promise<void>;
  /** @throws Rejection 401 for a bad or expired token, 403 when the installation lacks the permission */
  requireRepository(authorization: string | null, method: string, path: string): void;
  expireAll(): void;
  /** What the owner grants of a permission from now on, whatever the token was minted with. */
  setPermission(name: string, level: 'none' | 'read' | 'write'): void;
}

/** Least permission for each kind of request; a list means one of them. */
function required(method: string, path: string): { names: string[]; level: 'read' | 'write' } {
  const level = method === 'GET' ? 'read' : 'write';
  const rest = path.split('/').slice(4).join('/');
  if (/^(check-runs|check-suites|commits\/[^/]+\/check-)/.test(rest)) return { names: ['checks'], level };
  if (/^commits\/[^/]+\/pulls$/.test(rest)) return { names: ['pull_requests'], level };
  if (/^(git|contents|commits|compare|branches|releases)(\/|$)/.test(rest)) return { names: ['contents'], level };
  if (rest === 'issues') return { names: ['issues'], level };
  if (rest.startsWith('issues/')) return { names: ['issues', 'pull_requests'], level };
  if (rest.startsWith('pulls')) return { names: ['pull_requests'], level };
  return { names: ['metadata'], level };
}

const rank = (level: string | undefined): number => (level === 'write' ? 2 : level === 'read' ? 1 : 0);

export function createAccess(emulator: GitHubEmulator, tokenSeconds: number): Access {
  const tokens = new Map<string, Token>();
  const granted: Record<string, string> = {};
  const badCredentials = () => new Rejection(401, 'Bad credentials');

  return {
    minted(reply) {
      if (reply.status !== 201) return reply;
      const document = tokenDocument.parse(reply.body);
      const expiresAt = Date.now() + tokenSeconds * 1000;
      tokens.set(document.token, { expiresAt, permissions: document.permissions });
      return { ...reply, body: { ...document, expires_at: new Date(expiresAt).toISOString() } };
    },
    async requireApp(authorization) {
      const reply = await emulator.forward('GET', '/app', authorization);
      if (reply.status !== 200) throw new Rejection(401, 'A JSON web token could not be decoded');
    },
    requireRepository(authorization, method, path) {
      if (authorization === null) throw new Rejection(401, 'Requires authentication');
      const token = tokens.get(authorization.replace(/^(bearer|token)\s+/i, ''));
      if (token === undefined || token.expiresAt <= Date.now()) throw badCredentials();
      const { names, level } = required(method, path);
      const permissions = { ...token.permissions, ...granted };
      if (!names.some((name) => rank(permissions[name]) >= rank(level))) {
        throw new Rejection(403, 'Resource not accessible by integration');
      }
    },
    setPermission(name, level) {
      granted[name] = level;
    },
    expireAll() {
      for (const token of tokens.values()) token.expiresAt = 0;
    },
  };
}
