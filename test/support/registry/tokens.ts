import { randomUUID } from 'node:crypto';

export interface TokenOptions {
  users: Record<string, string>;
  identityTokens: readonly string[];
  anonymousPull: boolean;
  /** Milliseconds a token is good for. */
  lifeMs: number;
  service: string;
  now: () => number;
}

interface Issued {
  /** `repository:name` → actions. */
  grants: Map<string, Set<string>>;
  until: number;
}

/** The token service of a registry stand-in: grants users everything they ask, strangers at most pull. */
export class TokenService {
  readonly #options: TokenOptions;
  readonly #issued = new Map<string, Issued>();

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /** How many tokens were ever issued. */
  get count(): number {
    return this.#issued.size;
  }

  /** Ends every token now, whatever was promised. */
  revokeAll(): void {
    for (const issued of this.#issued.values()) issued.until = Number.NEGATIVE_INFINITY;
  }

  isUser(authorization: string | undefined): boolean {
    const text = /^Basic (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
    const [user = '', ...password] = Buffer.from(text, 'base64').toString('utf8').split(':');
    return this.#options.users[user] !== undefined && this.#options.users[user] === password.join(':');
  }

  isIdentityToken(text: string): boolean {
    return this.#options.identityTokens.includes(text);
  }

  issue(service: string | null, scopes: readonly string[], known: boolean): { status: number; body: object } {
    if (service !== this.#options.service) return { status: 400, body: { details: 'unknown service' } };
    const grants = new Map<string, Set<string>>();
    for (const scope of scopes) {
      const at = scope.lastIndexOf(':');
      const asked = scope.slice(at + 1).split(',');
      const allowed = known ? asked : asked.filter((action) => action === 'pull' && this.#options.anonymousPull);
      grants.set(scope.slice(0, at), new Set(allowed));
    }
    const token = randomUUID();
    this.#issued.set(token, { grants, until: this.#options.now() + this.#options.lifeMs });
    return { status: 200, body: { token, expires_in: this.#options.lifeMs / 1000 } };
  }

  allows(authorization: string | undefined, repository: string, action: string): boolean {
    const issued = this.#issued.get(/^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '');
    if (issued === undefined || this.#options.now() >= issued.until) return false;
    return issued.grants.get(`repository:${repository}`)?.has(action) === true;
  }
}
