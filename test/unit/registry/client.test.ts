import { describe, expect, it } from 'vitest';
import { PublisherError } from '../../../src/errors.ts';
import type { Fetch } from '../../../src/http/fetch.ts';
import { silentLogger } from '../../../src/log.ts';
import { RegistryClient } from '../../../src/registry/client.ts';
import { blobOf } from '../../../src/registry/content.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_LAYER } from '../../../src/registry/media-types.ts';

interface Call {
  method: string;
  url: URL;
  authorization: string | null;
}

/** A public registry played by a function: https, so that the rules for real hosts apply. */
function setUp(answer: (call: Call, nth: number) => Response | Promise<Response>) {
  const calls: Call[] = [];
  const fetch: Fetch = async (input, init) => {
    const authorization = new Headers(init?.headers).get('authorization');
    const call = { method: init?.method ?? 'GET', url: new URL(String(input)), authorization };
    calls.push(call);
    return answer(call, calls.length);
  };
  const client = new RegistryClient({
    fetch,
    clock: { now: () => 0, sleep: async () => undefined },
    credentials: async () => ({ username: 'robot', password: 'hunter22' }),
    logger: silentLogger,
    userAgent: 'test',
    random: () => 0,
  });
  return { calls, repository: client.repository({ registry: 'ghcr.io', repository: 'acme/x' }) };
}

const small = blobOf(Buffer.from('x'), OCI_LAYER);
const descriptor = { mediaType: OCI_LAYER, digest: digestOf(Buffer.from('x')), size: 1 };
const basic = () => new Response(null, { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } });
const to = (status: number, location: string) => new Response(null, { status, headers: { location } });

describe('credentials', () => {
  it('do not follow an upload to another host', async () => {
    const { calls, repository } = setUp((call) => {
      if (call.url.host === 'ghcr.io' && call.authorization === null) return basic();
      if (call.method === 'POST') return to(202, 'https://storage.example/session?key=1');
      return new Response(null, { status: 201 });
    });
    await repository.write(small);
    expect(calls.map(({ method, url, authorization }) => [method, url.host, authorization !== null])).toEqual([
      ['POST', 'ghcr.io', false],
      ['POST', 'ghcr.io', true],
      ['PUT', 'storage.example', false],
    ]);
  });

  it('do not follow a download to another host, nor answer its questions', async () => {
    const { calls, repository } = setUp((call) => {
      if (call.url.host !== 'ghcr.io') return basic();
      return call.authorization === null ? basic() : to(307, 'https://storage.example/blob');
    });
    await expect(Array.fromAsync(repository.blob(descriptor))).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining('storage.example answered 401'),
    });
    expect(calls.filter(({ url }) => url.host !== 'ghcr.io').every(({ authorization }) => authorization === null)).toBe(
      true,
    );
  });

  it('are in no message', async () => {
    const body = {
      errors: [
        { code: 'DENIED', message: 'no https://u:hunter22@x.example/?token=hunter22 Basic hunter22\n\u001b[31m' },
      ],
    };
    const { repository } = setUp(() => Response.json(body, { status: 403 }));
    const error = await repository.manifest('v1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'registry-denied' });
    expect(String(error)).toContain('DENIED: no https://x.example/ Basic …');
    for (const part of ['hunter22', '\n', '\u001b']) expect(String(error)).not.toContain(part);
  });
});

describe('hostile addresses', () => {
  it.each(['http://storage.example/x', 'http://127.0.0.1/x', 'https://u:p@storage.example/x', 'file:///etc/passwd'])(
    'an upload is not sent to %s',
    async (location) => {
      const { calls, repository } = setUp(() => to(202, location));
      await expect(repository.write(small)).rejects.toMatchObject({ code: 'refused' });
      expect(calls).toHaveLength(1);
    },
  );

  it('a download does not follow more than five redirects', async () => {
    const { calls, repository } = setUp((_call, nth) => to(302, `https://hop${nth}.example/`));
    await expect(Array.fromAsync(repository.blob(descriptor))).rejects.toMatchObject({ code: 'registry-invalid' });
    expect(calls).toHaveLength(6);
  });

  it('a page of tags on another host is not read', async () => {
    const headers = { link: '<https://evil.example/v2/x/tags/list>; rel="next"' };
    const { calls, repository } = setUp(() => Response.json({ tags: ['a'] }, { headers }));
    expect(await repository.tags()).toEqual(['a']);
    expect(calls).toHaveLength(1);
  });

  it('tags without end are refused', async () => {
    const { repository } = setUp(() =>
      Response.json({ tags: ['a'] }, { headers: { link: '</v2/again>; rel="next"' } }),
    );
    await expect(repository.tags()).rejects.toMatchObject({ code: 'too-large' });
  });

  it.each(['../../other', 'a/b', '', 'sha256:1', 'v1?x=y', `sha512:${'a'.repeat(128)}`])(
    '%j is neither tag nor digest',
    async (text) => {
      const { calls, repository } = setUp(() => new Response());
      await expect(repository.manifest(text)).rejects.toMatchObject({ code: 'usage' });
      expect(calls).toEqual([]);
    },
  );

  it('a connection that our own rule refuses is told as that', async () => {
    const { calls, repository } = setUp(() => {
      throw new PublisherError('refused', 'Refused to connect to ghcr.io (10.0.0.1)');
    });
    await expect(repository.manifest('v1')).rejects.toMatchObject({ code: 'refused' });
    expect(calls).toHaveLength(1);
  });
});

describe('answers', () => {
  it.each([
    [403, 'registry-denied'],
    [404, 'registry-not-found'],
    [400, 'registry-invalid'],
    [405, 'registry-invalid'],
    [413, 'too-large'],
    [302, 'registry-invalid'],
    [500, 'registry-unavailable'],
    [429, 'registry-unavailable'],
  ])('%i becomes %s', async (status, code) => {
    const { repository } = setUp(() => new Response(null, { status }));
    await expect(repository.manifest('v1')).rejects.toMatchObject({ code });
  });

  it('a manifest without any type is refused, one with a generic type speaks for itself', async () => {
    const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
    const plain = setUp(() => Response.json({ schemaVersion: 2 }));
    await expect(plain.repository.manifest('v1')).rejects.toMatchObject({ code: 'registry-invalid' });
    const typed = setUp(() => Response.json(manifest));
    expect((await typed.repository.manifest('v1')).mediaType).toBe(manifest.mediaType);
  });

  it('an upload that is never acknowledged in full is no success', async () => {
    const { repository } = setUp((call) =>
      call.method === 'POST' ? new Response(null, { status: 202 }) : new Response(),
    );
    await expect(repository.write(small)).rejects.toMatchObject({ code: 'registry-invalid' });
  });

  it('a registry that keeps silent is given up', async () => {
    const fetch: Fetch = (_input, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    const clock = { now: () => 0, sleep: async () => undefined };
    const options = {
      fetch,
      clock,
      credentials: async () => null,
      logger: silentLogger,
      userAgent: 'test',
      timeoutMs: 5,
    };
    const repository = new RegistryClient(options).repository({ registry: 'ghcr.io', repository: 'acme/x' });
    await expect(repository.manifest('v1')).rejects.toMatchObject({
      code: 'registry-unavailable',
      message: 'ghcr.io gave no answer for 5 ms while reading manifest v1 of ghcr.io/acme/x',
    });
  });
});
