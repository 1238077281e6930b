import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Access } from './access.ts';
import type { Faults } from './faults.ts';
import { type Call, isJson, type Json, Rejection, type Reply, type Router, readAll, send } from './http.ts';

/** What answering a request needs; access exists once emulate is up. */
export interface Serving {
  router: Router;
  faults: Faults;
  requests: { method: string; path: string; status: number }[];
  boot: { access: Access | null };
}

function parseBody(raw: Buffer): Json {
  if (raw.length === 0) return {};
  const parsed: unknown = JSON.parse(raw.toString('utf8'));
  if (!isJson(parsed)) throw new Rejection(400, 'Problems parsing JSON');
  return parsed;
}

async function answer(call: Call, { router, boot }: Serving): Promise<Reply> {
  try {
    const route = router.find(call.method, call.path);
    if (route === null) throw new Rejection(404, `Not Found: the stand-in has no ${call.method} ${call.path}`);
    if (call.path.startsWith('/repos/') && !call.path.endsWith('/installation')) {
      boot.access?.requireRepository(call.authorization, call.method, call.path);
    }
    return await route.handler({ ...call, params: route.params });
  } catch (thrown) {
    if (!(thrown instanceof Rejection)) throw thrown;
    return {
      status: thrown.status,
      body: { message: thrown.message, errors: thrown.errors, documentation_url: 'https://docs.github.com/rest' },
    };
  }
}

/** Finds the route, checks the token, and answers, or lets the next fault answer. */
export async function serve(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand-in');
  const raw = await readAll(request);
  const call: Call = {
    method: request.method ?? 'GET',
    // An Enterprise Server has the API below /api/v3.
    path: url.pathname.replace(/^\/api\/v3/, '').replace(/(?<=.)\/$/, ''),
    query: url.searchParams,
    authorization: request.headers.authorization ?? null,
    body: parseBody(raw),
    raw,
    params: {},
  };
  const fault = serving.faults.take(call);
  const real = fault === null || fault.afterwards === true ? await answer(call, serving) : null;
  const reply = fault === null ? real : fault.answer;
  serving.requests.push({
    method: call.method,
    path: call.path,
    status: reply === 'disconnect' || reply === null ? 0 : reply.status,
  });
  if (reply === 'disconnect' || reply === null) response.destroy();
  else send(response, reply);
}
