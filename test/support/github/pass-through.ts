import { z } from 'zod';
import type { Access } from './access.ts';
import { type Call, isJson, notFound, type Reply, type Router } from './http.ts';
import { type PermissionLevel, repoPath, userDocument, type World } from './world.ts';

const MEBIBYTE = 1024 * 1024;
const LEVELS: PermissionLevel[] = ['none', 'read', 'triage', 'write', 'maintain', 'admin'];

/** What emulate does as GitHub does, and the small things it does not do at all. */
export function addPassThrough(world: World, router: Router, access: Access): void {
  const forward = (call: Call): Promise<Reply> => {
    const query = call.query.size === 0 ? '' : `?${call.query}`;
    const body = call.method === 'GET' ? undefined : call.body;
    return world.emulator.forward(call.method, `${call.path}${query}`, call.authorization, body);
  };
  const withJwt = async (call: Call): Promise<Reply> => {
    await access.requireApp(call.authorization);
    return forward(call);
  };

  router.on('GET', '/app', withJwt);
  router.on('GET', '/app/installations', withJwt);
  router.on('GET', '/app/installations/:id', withJwt);
  router.on('GET', '/repos/:owner/:repo/installation', withJwt);
  router.on('POST', '/app/installations/:id/access_tokens', async (call) => access.minted(await withJwt(call)));

  router.on('GET', '/repos/:owner/:repo', forward);
  router.on('GET', '/repos/:owner/:repo/branches', forward);
  router.on('GET', '/repos/:owner/:repo/branches/*branch', forward);
  router.on('GET', '/repos/:owner/:repo/git/*rest', forward);
  router.on('GET', '/repos/:owner/:repo/compare/*basehead', forward);
  router.on('GET', '/repos/:owner/:repo/commits', forward);
  router.on('GET', '/repos/:owner/:repo/commits/*ref', forward);
  router.on('GET', '/repos/:owner/:repo/contents/*path', async (call) => {
    const reply = await forward(call);
    const { body } = reply;
    // Over 1 MiB the contents API leaves the content out.
    const large = isJson(body) && body.type === 'file' && Number(body.size) > MEBIBYTE;
    return large ? { ...reply, body: { ...body, content: '', encoding: 'none' } } : reply;
  });

  router.on('GET', '/repos/:owner/:repo/collaborators/:login/permission', async (call) => {
    const person = world.people.get(String(call.params.login));
    if (person === undefined) throw notFound();
    const path = repoPath({ owner: String(call.params.owner), name: String(call.params.repo) });
    const repository = z.looseObject({ private: z.boolean() }).parse(await world.emulator.admin('GET', path));
    // Everybody may read a public repository.
    const level = person.permission === 'none' && !repository.private ? 'read' : person.permission;
    const rank = LEVELS.indexOf(level);
    const legacy = rank >= 5 ? 'admin' : rank >= 3 ? 'write' : rank >= 1 ? 'read' : 'none';
    const permissions = { pull: rank >= 1, triage: rank >= 2, push: rank >= 3, maintain: rank >= 4, admin: rank >= 5 };
    const user = { ...userDocument(world, person), permissions, role_name: person.roleName ?? level };
    return { status: 200, body: { permission: legacy, role_name: person.roleName ?? level, user } };
  });

  router.on('GET', '/app/hook/deliveries', async (call) => {
    await access.requireApp(call.authorization);
    const body = world.webhooks.deliveries.map((delivery) => ({
      id: delivery.id,
      guid: delivery.guid,
      delivered_at: delivery.deliveredAt,
      redelivery: delivery.redelivery,
      status: delivery.status === null ? 'failed to connect to host' : String(delivery.status),
      status_code: delivery.status ?? 0,
      event: delivery.event,
      action: delivery.action,
    }));
    return { status: 200, body: body.reverse() };
  });
  router.on('POST', '/app/hook/deliveries/:id/attempts', async (call) => {
    await access.requireApp(call.authorization);
    void world.webhooks.redeliver(Number(call.params.id));
    return { status: 202, body: {} };
  });
}
