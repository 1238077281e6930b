import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { readEnvironment } from '../../src/environment.ts';
import { silentLogger } from '../../src/log.ts';
import { BaseResolver } from '../../src/plan/bases.ts';
import { digestOf } from '../../src/registry/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '../../src/registry/media-types.ts';
import { createServices, type Services } from '../../src/services.ts';
import { catalogOf, createTeam, entry, openPull, outcomes, reportOf, settle } from '../support/demo/stories.ts';
import { startWorld, type World } from '../support/demo/world.ts';
import { tinyModel } from '../support/hub/tiny.ts';

const OPEN = 'acme/tiny-chat';
const PLATFORMS = ['linux/amd64'];

let world: World;
let trap: Trap;
beforeAll(async () => {
  world = await startWorld({
    models: [tinyModel({ id: OPEN })],
    variables: { SCAN: 'optional', PATH: '/nonexistent' },
    registry: { cdn: true, realm: true, mount: 202 },
  });
  trap = await startTrap();
});
afterAll(async () => {
  await trap.close();
  await world.close();
});
beforeEach(() => {
  trap.connections = 0;
});

describe('a registry whose tokens and downloads come from other hosts', () => {
  test('serves base and images, and the host of the downloads never sees a credential', async () => {
    const pull = await openPull(world, 'apart', [entry(OPEN, 'apart')]);
    await settle(world, world.bot.url);
    expect(outcomes(await world.github.checks(pull.repo, pull.headSha))).toMatchObject({
      'apart · slim': 'success',
      'apart · fat': 'success',
      'model-images': 'success',
    });
    const tokens = world.registry.requests.filter(({ path }) => path === 'realm:/auth/token');
    expect(tokens.some(({ authorization }) => authorization === 'basic')).toBe(true);
    expect(world.registry.requests.some(({ path }) => path === '/auth/token')).toBe(false);
    // Base layers were copied: read where the registry pointed to, or they could not have been written.
    expect(
      world.registry.requests.some(({ method, path }) => method === 'GET' && path.includes('base/runtime/blobs')),
    ).toBe(true);
  });
});

describe('a base image is refused, with no connection made,', () => {
  const servers: Crafted[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  /** What resolving a base says when a registry that the operator allows answers like this. */
  async function resolving(answer: Answers): Promise<string> {
    const server = await startCrafted(answer);
    servers.push(server);
    const services = await servicesOf({ SOURCE_ALLOW: server.host });
    return refusalOf(services, `${server.host}/base/image:v1`);
  }

  test.each([
    ['where the cloud keeps its secrets', () => 'http://169.254.169.254/latest/meta-data'],
    ['there over https', () => 'https://169.254.169.254/latest/meta-data'],
    ['there in IPv6 clothes', () => 'https://[::ffff:169.254.169.254]/latest/meta-data'],
    ['to a server beside us', () => `https://${trap.host}/`],
    ['to a server beside us, in the clear', () => `http://${trap.host}/`],
    ['to our own name', () => `http://localhost:${trap.port}/`],
    ['to all of our addresses', () => `http://0.0.0.0:${trap.port}/`],
    ['into the private network', () => 'https://10.0.0.1/'],
    ['into a shared network', () => 'https://100.64.0.1/'],
  ])('when its registry redirects a download %s', async (_, location) => {
    const message = await resolving({ blob: (response) => response.writeHead(307, { location: location() }).end() });
    expect(message).toMatch(/^refused: /);
    expect(trap.connections).toBe(0);
  });

  test.each([
    ['on another domain', () => 'https://tokens.example/token'],
    ['on a look-alike', () => 'https://127.0.0.1.tokens.example/token'],
    ['on a server beside us that nobody listed', () => `http://${trap.host}/token`],
    ['where the cloud keeps its secrets', () => 'http://169.254.169.254/token'],
  ])('when its registry wants a token from a realm %s', async (_, realm) => {
    const message = await resolving({
      all: (response) => response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm()}",service="x"` }).end(),
    });
    expect(message).toMatch(/^refused: /);
    expect(trap.connections).toBe(0);
  });

  test('when its registry redirects to a name that meanwhile means this machine', async () => {
    const before = vi.spyOn(dns.promises, 'lookup').mockResolvedValue({ address: '93.184.215.14', family: 4 });
    const lookup: unknown = (_name: string, _options: object, callback: (...answer: unknown[]) => void) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    const connecting = vi.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
    try {
      const location = `https://rebinding.example:${trap.port}/`;
      const message = await resolving({ blob: (response) => response.writeHead(307, { location }).end() });
      expect(message).toMatch(/^refused: .*rebinding\.example \(127\.0\.0\.1\): a loopback address/);
      expect(connecting).toHaveBeenCalled();
      expect(trap.connections).toBe(0);
    } finally {
      before.mockRestore();
      connecting.mockRestore();
    }
  });

  test('when a layer of it lives at another address', async () => {
    const message = await resolving({ urls: [`http://${trap.host}/layer`] });
    expect(message).toMatch(/^image-invalid: .*descriptor `urls`/);
    expect(trap.connections).toBe(0);
  });

  test.each([
    ['from a registry that is not listed', () => `${trap.host}/base/image:v1`],
    ['from a look-alike of what is listed', () => `${trap.host}/base-evil/image:v1`],
    ['from beside what is listed', () => `${trap.host}/other/base/image:v1`],
    ['whose path leads out of what is listed', () => `${trap.host}/base/../other/image:v1`],
    ['that is on the wrong port', () => 'localhost:1/base/image:v1'],
  ])('%s', async (_, reference) => {
    const listed = reference().includes('-evil') || reference().includes('other') ? `${trap.host}/base` : 'quay.io';
    const services = await servicesOf({ SOURCE_ALLOW: listed });
    expect(await refusalOf(services, reference())).toMatch(
      /^(refused|image-invalid|usage|catalog-invalid|invalid).*: /,
    );
    expect(trap.connections).toBe(0);
  });
});

describe('a destination that the operator does not allow', () => {
  test.each([
    ['another registry', () => `${trap.host}/{owner}`],
    ['a look-alike of the namespace', () => `${world.registry.host}/{owner}-evil`],
    ['what lies deeper', () => `${world.registry.host}/{owner}/deeper`],
    ['the account of another', () => `${world.registry.host}/other`],
    ['capital letters', () => `${trap.host.toUpperCase()}/ACME`],
    ['a way out of the namespace', () => `${world.registry.host}/{owner}/../other`],
  ])('fails its targets before anything is sent: %s', async (name, prefix) => {
    world.registry.requests.length = 0;
    const catalog = catalogOf(world, [entry(OPEN, 'astray')]).replace(
      `"${world.registry.host}/{owner}"`,
      `"${prefix()}"`,
    );
    expect(catalog).toContain(`{local: "${prefix()}"}`);
    const { repo, id } = await createTeam(world, `astray-${name.replaceAll(' ', '-')}`);
    const opened = await world.github.openPullRequest(repo, {
      title: 'Add',
      branch: 'add',
      files: { 'models.yaml': catalog },
    });
    const pull = { repo, repoId: id, ...opened };
    await settle(world, world.bot.url);
    const checks = await world.github.checks(pull.repo, pull.headSha);
    expect(outcomes(checks)['model-images']).toBe('failure');
    const told = checks.map(({ title, summary }) => `${title} ${summary}`).join(' ');
    expect(told + (await reportOf(world, pull))).toMatch(
      /PUBLISH_ALLOW|not a (valid )?(repository|reference|registry)|registries/,
    );
    expect(trap.connections).toBe(0);
    expect(world.registry.requests.filter(({ method, path }) => method !== 'GET' && path.includes('astray'))).toEqual(
      [],
    );
  });
});

describe('a Hub that redirects', () => {
  test.each([
    'https://10.0.0.1/weights',
    'https://169.254.169.254/weights',
    'https://[fd00::1]/weights',
    'http://192.168.1.1/weights',
  ])('to %s is not followed', async (location) => {
    const hub = await startCrafted({ all: (response) => response.writeHead(302, { location }).end() });
    try {
      const services = await servicesOf({ HF_ENDPOINT: `http://${hub.host}` });
      const facts = await services.hub('acme').facts(OPEN, null);
      expect(JSON.stringify(facts)).not.toContain('"found"');
      const file = { path: 'model.safetensors', size: 3, sha256: 'a'.repeat(64), oid: 'b'.repeat(40), security: null };
      const reading = (async () => {
        const hubClient = services.hub('acme');
        for await (const _ of hubClient.download({ id: OPEN, revision: 'c'.repeat(40) }, file)) void _;
      })();
      await expect(reading).rejects.toMatchObject({ code: 'refused' });
    } finally {
      await hub.close();
    }
  });
});

async function servicesOf(settings: Record<string, string>): Promise<Services> {
  const environment = readEnvironment({ HOME: '/nonexistent', ...settings }, 'command');
  return createServices({ environment, logger: silentLogger, as: 'bot' });
}

/** `code: message` of the failure to resolve a base; fails when it resolves. */
async function refusalOf(services: Services, reference: string): Promise<string> {
  const bases = new BaseResolver((parsed) => services.source(parsed, 'acme'));
  const answer = await bases.resolve(reference, { platforms: PLATFORMS, pin: null, own: false });
  if (answer.ok) throw new Error(`${reference} was resolved`);
  return `${answer.error.code}: ${answer.error.message}`;
}

interface Trap {
  host: string;
  port: number;
  connections: number;
  close(): Promise<void>;
}

/** A server that counts who comes. */
async function startTrap(): Promise<Trap> {
  const server = createServer((_request, response) => response.end('caught'));
  const { host, port, close } = await listen(server);
  const made: Trap = { host, port, connections: 0, close };
  server.on('connection', (_socket: Socket) => {
    made.connections += 1;
  });
  return made;
}

interface Answers {
  all?: (response: ServerResponse) => void;
  blob?: (response: ServerResponse) => void;
  /** Of the layer's descriptor. */
  urls?: string[];
}

type Crafted = Awaited<ReturnType<typeof listen>>;

/** A registry with one image, or whatever it is told to answer instead. */
async function startCrafted(answers: Answers): Promise<Crafted> {
  const layer = Buffer.from('layer');
  const diff = digestOf(layer);
  const config = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [diff] } }),
  );
  const of = (mediaType: string, bytes: Buffer) => ({ mediaType, digest: digestOf(bytes), size: bytes.length });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: of(OCI_CONFIG, config),
    layers: [{ ...of(OCI_LAYER, layer), ...(answers.urls === undefined ? {} : { urls: answers.urls }) }],
  });
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const { url = '' } = request;
    if (answers.all !== undefined) answers.all(response);
    else if (url.includes('/manifests/')) response.writeHead(200, { 'content-type': OCI_MANIFEST }).end(manifest);
    else if (answers.blob !== undefined) answers.blob(response);
    else response.end(url.includes(diff) ? layer : config);
  };
  return listen(createServer(handle));
}

async function listen(server: Server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return { host: `127.0.0.1:${address.port}`, port: address.port, close };
}
