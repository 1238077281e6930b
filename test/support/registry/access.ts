import type { IncomingMessage, ServerResponse } from 'node:http';
import { receive, sendError } from './reply.ts';
import type { TokenService } from './tokens.ts';

/** A repository and what is to be done with it. */
export type Need = [repository: string, action: string];

/** Who may do what in a registry stand-in, by the challenges of the distribution specification. */
export function createAccess({
  auth,
  tokens,
  service,
  realm,
}: {
  auth: 'token' | 'basic' | 'none';
  tokens: TokenService;
  service: string;
  /** `host:port` of whoever issues tokens. */
  realm: () => string;
}) {
  /** Whether a request may do all of these; when not, it is answered. */
  function authorised(request: IncomingMessage, response: ServerResponse, needs: readonly Need[]): boolean {
    const { authorization } = request.headers;
    if (auth === 'none') return true;
    if (auth === 'basic' && tokens.isUser(authorization)) return true;
    if (auth === 'token' && needs.length > 0) {
      if (needs.every(([repository, action]) => tokens.allows(authorization, repository, action))) return true;
    }
    refuse(response, needs);
    return false;
  }

  function refuse(response: ServerResponse, needs: readonly Need[]): void {
    const scope = needs.map(([repository, action]) => `repository:${repository}:${action}`).join(' ');
    const bearer = `Bearer realm="http://${realm()}/auth/token",service="${service}",scope="${scope}"`;
    const challenge = auth === 'basic' ? 'Basic realm="stand-in"' : bearer;
    sendError(response, 401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge });
  }

  /** The endpoint that issues tokens. */
  async function token(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const { authorization } = request.headers;
    const form = request.method === 'POST' ? new URLSearchParams(String(await receive(request, null))) : null;
    const known =
      form === null ? tokens.isUser(authorization) : tokens.isIdentityToken(form.get('refresh_token') ?? '');
    if (!known && (form !== null || authorization !== undefined)) {
      return sendError(response, 401, 'UNAUTHORIZED', 'incorrect username or password');
    }
    const scopes = form === null ? url.searchParams.getAll('scope') : (form.get('scope') ?? '').split(' ');
    const { status, body } = tokens.issue((form ?? url.searchParams).get('service'), scopes, known);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  return { authorised, refuse, token };
}

/** What a method needs, as in Distribution: pushing needs pull too, and ending an upload counts as deleting. */
export function actionsFor(method: string): string[] {
  if (method === 'GET' || method === 'HEAD') return ['pull'];
  return method === 'DELETE' ? ['delete'] : ['pull', 'push'];
}
