import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { digestSchema } from '../../src/build/schema.ts';
import { run } from '../../src/exec.ts';
import type { Digest } from '../../src/registry/types.ts';
import { cosignKeys, type KeyPair } from '../support/attest/attestations.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { cli } from '../support/cli/cli.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import { type Distribution, findProgram, pull, pushBaseImage, startDistribution } from '../support/registry/index.ts';
import { fakeTrivyEnvironment } from '../support/trivy/fake-trivy.ts';

const missing = ['docker-registry', 'cosign'].filter((program) => findProgram(program) === null);

const contract = z.object({
  images: z.array(
    z.object({
      variant: z.enum(['slim', 'fat']),
      runtime: z.string(),
      digest: digestSchema,
      bytes: z.object({ uploaded: z.number() }),
      tags: z.array(z.string()),
      moves: z.array(z.unknown()),
      signed: z.boolean(),
      attestations: z.array(z.object({ digest: digestSchema, signed: z.boolean() })),
    }),
  ),
  errors: z.array(z.object({ code: z.string(), message: z.string() })),
  mirrors: z.array(z.object({ target: z.string(), digest: digestSchema, state: z.string() })),
});

describe.skipIf(missing.length > 0)(
  `publishing to two registries and a mirror (needs ${missing.join(' and ') || 'nothing more'})`,
  () => {
    let hub: HubStandIn;
    let registries: Distribution[];
    let keys: KeyPair;
    let workshop: Workshop;
    let folder: string;
    let variables: Record<string, string>;

    beforeAll(async () => {
      hub = await startHub({ models: [tinyModel({ id: 'acme/tiny' })] });
      registries = await Promise.all([startDistribution(), startDistribution(), startDistribution()]);
      keys = await cosignKeys();
      workshop = openWorkshop(hub.url);
      for (const tag of ['v1', 'v2']) {
        await pushBaseImage(workshop.repository(host(0), 'base/runtime'), { tag, env: [`VERSION=${tag}`] });
      }
      folder = await mkdtemp(join(tmpdir(), 'publish-'));
      await mkdir(join(folder, 'docker'));
      await writeFile(join(folder, 'docker', 'config.json'), '{}');
      variables = {
        ...fakeTrivyEnvironment('clean', [dirname(process.execPath), process.env.PATH ?? ''].join(':')),
        HF_ENDPOINT: hub.url,
        DATA_DIR: join(folder, 'data'),
        DOCKER_CONFIG: join(folder, 'docker'),
        GITHUB_REPOSITORY_OWNER: 'acme',
      };
    });
    afterAll(async () => {
      await Promise.all((registries ?? []).map((registry) => registry.close()));
      await hub?.close();
      await keys?.remove();
      await rm(folder, { recursive: true, force: true });
    });

    const host = (at: number) => registries[at]?.host ?? '';

    async function publish({ base = 'v1', runtimes = '' } = {}, flags: string[] = [], sign = false) {
      const path = join(folder, 'models.yaml');
      const lines = [
        'defaults:',
        `  base_image: "${host(0)}/base/runtime:${base}"`,
        `  registries: {one: "${host(0)}/{owner}", two: "${host(1)}/{owner}", copy: "${host(2)}/{owner}"}`,
        '  publish: {one: true, two: true}',
        '  mirrors: [copy]',
        runtimes === '' ? '' : `runtimes: {more: {engine: vllm, image: "${host(0)}/base/runtime:v2"}}`,
        'models:',
        `  - {id: acme/tiny, short: tiny, aliases: [small]${runtimes}}`,
      ];
      await writeFile(path, lines.join('\n'));
      const told = await cli(['publish', 'tiny', '--json', '--catalog', path, ...flags], {
        ...variables,
        ...(sign ? { COSIGN_PRIVATE_KEY: keys.privateKey, COSIGN_PASSWORD: '' } : {}),
      });
      return { code: told.code, ...contract.parse(told.json()) };
    }

    const repository = (at: number, name: string) => workshop.repository(host(at), `acme/${name}`);
    async function everything(at: number): Promise<Record<string, string>> {
      const found: Record<string, string> = {};
      for (const name of ['hf-tiny', 'hf-small']) {
        const target = repository(at, name);
        for (const tag of await target.tags()) found[`${name}:${tag}`] = (await target.manifest(tag)).digest;
      }
      return found;
    }
    const cosign = async (args: string[], name: string, digest: Digest) => {
      const options = ['--key', keys.publicKey, '--insecure-ignore-tlog=true', '--allow-insecure-registry'];
      const { exitCode, stderr } = await run('cosign', [...args, ...options, `${name}@${digest}`], { check: false });
      return exitCode === 0 ? 'accepted' : stderr;
    };

    it('gives the same digests under all tags, signed, with what lies beside them; again, nothing changes', async () => {
      // cosign takes a second for every statement and repository.
      const { code, images, errors, mirrors } = await publish({}, ['--variant', 'slim'], true);
      expect([code, errors, images.map(({ signed }) => signed)]).toEqual([0, [], [true]]);
      expect(mirrors.map(({ state }) => state)).toEqual(['copied', 'copied']);
      const states = await Promise.all([0, 1, 2].map(everything));
      for (const { digest, tags, attestations, variant } of images) {
        expect(tags).toContain(`v1-${variant}`);
        for (const at of [0, 1, 2]) {
          for (const name of ['hf-tiny', 'hf-small']) {
            for (const tag of tags) expect([name, tag, states[at]?.[`${name}:${tag}`]]).toEqual([name, tag, digest]);
            const referrers = (await repository(at, name).referrers(digest)).map((one) => one.digest);
            expect(referrers).toEqual(expect.arrayContaining(attestations.map((one) => one.digest)));
          }
          const own = `${host(at)}/acme/hf-tiny`;
          expect(await cosign(['verify'], own, digest)).toBe('accepted');
          expect(await cosign(['verify-attestation', '--type', 'slsaprovenance1'], own, digest)).toBe('accepted');
        }
      }
      const again = await publish({}, ['--variant', 'slim'], true);
      expect([again.code, again.errors]).toEqual([0, []]);
      expect(again.images.map(({ bytes, moves }) => [bytes.uploaded, moves])).toEqual([[0, []]]);
      expect(again.mirrors.map(({ state }) => state)).toEqual(['same', 'same']);
      expect(await Promise.all([0, 1, 2].map(everything))).toEqual(states);
    }, 300_000);

    it('moves what moves and keeps what is immutable: another base, another revision, another runtime', async () => {
      const first = await publish();
      const pinned = first.images.flatMap(({ digest, tags }) =>
        tags.filter((tag) => tag.startsWith('i')).map((tag) => ({ tag, digest })),
      );
      const bumped = await publish({ base: 'v2' });
      expect([bumped.code, bumped.errors]).toEqual([0, []]);
      expect(bumped.images.map(({ digest }) => digest)).not.toEqual(first.images.map(({ digest }) => digest));
      // The same repository of the Hub, one commit later.
      const later = tinyModel({ id: 'acme/tiny', files: { 'generation_config.json': '{"eos_token_id": 3}' } });
      hub.models.splice(0, hub.models.length, later);
      const revised = await publish({ base: 'v2' });
      expect([revised.code, revised.errors]).toEqual([0, []]);
      const names = revised.images.map(({ tags }) => tags);
      const several = await publish({ base: 'v2', runtimes: ', runtimes: [default, more]' });
      expect([several.code, several.errors, several.images.length]).toEqual([0, [], 4]);
      expect(several.images.filter(({ runtime }) => runtime === 'default').map(({ tags }) => tags)).toEqual(names);
      for (const { tag, digest } of pinned) {
        for (const at of [0, 1, 2]) {
          expect((await repository(at, 'hf-tiny').manifest(tag)).digest).toBe(digest);
          await pull(repository(at, 'hf-tiny'), tag);
        }
      }
    }, 300_000);

    it('with one registry killed moves no tag anywhere, and says so', async () => {
      const before = await everything(0);
      await registries[1]?.kill();
      const { code, images, errors } = await publish({ base: 'v1', runtimes: '' }, ['--tag', 'new-{variant}']);
      expect([code, images]).toEqual([3, []]);
      expect(errors[0]?.message).toContain(host(1));
      expect(await everything(0)).toEqual(before);
    });
  },
);
