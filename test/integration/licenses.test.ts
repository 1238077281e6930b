import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import parseSpdx from 'spdx-expression-parse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Variant } from '../../src/catalog/types.ts';
import { licenseManifestSchema } from '../support/build/license-manifest.ts';
import { type PulledPlatform, pull } from '../support/build/pull.ts';
import { openWorkshop, type Workshop } from '../support/build/workshop.ts';
import { bytesOf } from '../support/hub/content.ts';
import { type HubModel, headOf } from '../support/hub/model.ts';
import { type HubStandIn, startHub } from '../support/hub/server.ts';
import { tinyModel } from '../support/hub/tiny.ts';
import {
  type BaseImageOptions,
  findProgram,
  pushBaseImage,
  startDistribution,
  startRegistry,
} from '../support/registry/index.ts';

const NVIDIA = 'LicenseRef-NVIDIA-Deep-Learning-Container-License';
const CUDA: BaseImageOptions = {
  env: ['PATH=/usr/bin', 'NVIDIA_REQUIRE_CUDA=cuda>=12.9', 'CUDA_VERSION=12.9.0'],
  labels: { 'org.opencontainers.image.licenses': 'Apache-2.0' },
};

const MODELS = {
  /** Legal files of its own, in a folder that is embedded and in one that is not. */
  apache: tinyModel({
    id: 'acme/apache',
    license: 'apache-2.0',
    files: {
      LICENSE: null,
      'License.txt': 'The licence\r\n',
      NOTICE: 'The notice\n',
      '1_Pooling/config.json': '{}',
      '1_Pooling/COPYING': 'Of the pooling\n',
      'onnx/model.onnx': 'weights',
      'onnx/LICENSE': 'Of the conversion\n',
    },
  }),
  mit: tinyModel({ id: 'acme/mit', license: 'mit', licenseText: null }),
  llama: tinyModel({
    id: 'acme/llama',
    license: 'llama3.1',
    gated: 'manual',
    files: { 'USE_POLICY.md': 'No harm\n', NOTICE: 'Llama notice\n' },
  }),
  linked: tinyModel({
    id: 'acme/linked',
    license: 'other',
    licenseText: null,
    cardData: {
      license_name: 'Acme (v2)!',
      license_link: 'https://huggingface.co/acme/linked/blob/main/docs/AGREEMENT.pdf',
    },
    files: { 'docs/AGREEMENT.pdf': Buffer.from([0x25, 0x50, 0x44, 0x46, 0xff, 0x00]) },
  }),
} satisfies Record<string, HubModel>;

let hub: HubStandIn;
let workshop: Workshop;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  hub = await startHub({ models: Object.values(MODELS), signedUrlMs: 30_000 });
  closing.push(() => hub.close());
  workshop = openWorkshop(hub.url);
});
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

interface Inspected {
  /** Path below `/licenses` → content. */
  files: Map<string, Buffer>;
  manifest: ReturnType<typeof licenseManifestSchema.parse>;
  labels: Record<string, string>;
}

/** `/licenses` of a pulled image, after holding it against its own manifest and its labels against SPDX's grammar. */
function inspect(platform: PulledPlatform): Inspected {
  const entries = [...platform.files].filter(([path, { type }]) => type === 'file' && path.startsWith('licenses/'));
  const files = new Map(entries.map(([path, { content }]) => [path.slice('licenses/'.length), content]));
  const manifest = licenseManifestSchema.parse(JSON.parse(files.get('manifest.json')?.toString() ?? ''));
  const found = entries
    .filter(([path]) => path !== 'licenses/manifest.json')
    .map(([path, { content }]) => [`/${path}`, sha256(content)]);
  expect(manifest.files.map((file) => [file.path, file.sha256]).sort()).toEqual(found.sort());
  expect(files.get('CC0')?.toString()).toContain('CC0 1.0 Universal');
  const labels = platform.config.config?.Labels ?? {};
  expect(() => parseSpdx(labels['org.opencontainers.image.licenses'] ?? '')).not.toThrow();
  expect(labels).toMatchObject(platform.annotations);
  return { files, manifest, labels };
}

let count = 0;
async function built(host: string, model: keyof typeof MODELS, variant: Variant, base: BaseImageOptions = {}) {
  count += 1;
  await pushBaseImage(workshop.repository(host, `base/${count}`), { ...base, tag: 'v1' });
  const request = await workshop.request({
    base: `${host}/base/${count}:v1`,
    variant,
    id: MODELS[model].id,
    defaults: 'arch: "linux/amd64,linux/arm64"',
  });
  const target = workshop.repository(host, `acme/hf-${count}`);
  const { digest } = await workshop.build(request, [target]);
  const { platforms } = await pull(target, digest);
  const [one, other] = platforms.map(inspect);
  if (one === undefined) throw new Error('an image without platforms');
  expect(other).toEqual({ ...one, labels: { ...one.labels, ...baseDigestOf(other) } });
  return { ...one, request };
}

/** The only label in which the platforms of an image differ. */
function baseDigestOf(image: Inspected | undefined): Record<string, string> {
  const name = 'org.opencontainers.image.base.digest';
  return { [name]: image?.labels[name] ?? '' };
}

const upstream = (model: HubModel, path: string) => {
  const file = headOf(model).files.find((each) => each.path === path);
  return file === undefined ? 'no such file' : bytesOf(file.content);
};

const REGISTRIES = [
  { name: 'the stand-in', there: true, start: () => startRegistry() },
  {
    name: 'a real Distribution registry (needs docker-registry)',
    there: findProgram('docker-registry') !== null,
    start: () => startDistribution(),
  },
];

for (const { name, there, start } of REGISTRIES) {
  describe.skipIf(!there)(`an image pulled back from ${name}`, () => {
    let host: string;
    beforeAll(async () => {
      const registry = await start();
      closing.push(() => registry.close());
      host = registry.host;
    });

    it.each(['slim', 'fat'] as const)(
      'carries upstream legal files by their names, bit for bit (%s, apache-2.0)',
      async (variant) => {
        const { files, manifest, labels, request } = await built(host, 'apache', variant);
        const carried = {
          'model/LICENSE': 'License.txt',
          'model/License.txt': 'License.txt',
          'model/NOTICE': 'NOTICE',
          'model/1_Pooling/COPYING': '1_Pooling/COPYING',
          'model/onnx/LICENSE': 'onnx/LICENSE',
        };
        expect([...files.keys()].sort()).toEqual(['CC0', 'manifest.json', ...Object.keys(carried)].sort());
        for (const [path, from] of Object.entries(carried)) {
          expect([path, files.get(path)]).toEqual([path, upstream(MODELS.apache, from)]);
          expect(manifest.files.find((file) => file.path === `/licenses/${path}`)).toMatchObject({
            source: 'upstream',
            from: [from],
          });
        }
        expect(manifest).toMatchObject({
          model: 'acme/apache',
          revision: headOf(MODELS.apache).sha,
          variant,
          license: { declared: 'apache-2.0', effective: 'Apache-2.0', class: 'permissive', link: null },
          obligations: [{ id: 'Apache-2.0', obligations: [{ code: 'text' }, { code: 'notice' }] }],
          base: { digests: request.inputs.base, licenses: [] },
          decision: { variant, reasons: [{ code: 'license-permissive' }] },
          notReadable: [],
        });
        expect(labels).toMatchObject({
          'org.opencontainers.image.licenses': 'Apache-2.0',
          'io.model-image-publisher.obligations': 'text,notice',
          'io.model-image-publisher.infrastructure-license': 'CC0-1.0',
        });
      },
    );

    it.each(['slim', 'fat'] as const)(
      'carries the canonical text, and says who supplied it, where upstream has none (%s, mit)',
      async (variant) => {
        const { files, manifest, labels } = await built(host, 'mit', variant, CUDA);
        expect([...files.keys()].sort()).toEqual(['CC0', 'manifest.json', 'model/LICENSE']);
        const license = files.get('model/LICENSE')?.toString() ?? '';
        const canonical = await readFile(new URL('../../licenses/texts/MIT.txt', import.meta.url), 'utf8');
        expect(license.split('\n')[0]).toBe(
          `supplied by the publisher; copyright holder not stated upstream; acme/mit@${headOf(MODELS.mit).sha}`,
        );
        expect(license).toContain(canonical);
        expect(manifest.files.find(({ path }) => path === '/licenses/model/LICENSE')).toMatchObject({
          source: 'publisher',
          from: ['MIT'],
        });
        expect(manifest.base.licenses).toMatchObject([
          {
            id: NVIDIA,
            name: 'NVIDIA Deep Learning Container License',
            evidence: ['CUDA_VERSION', 'NVIDIA_REQUIRE_CUDA'],
          },
          { id: null, name: 'Apache-2.0' },
        ]);
        expect(labels).toMatchObject({
          'org.opencontainers.image.licenses': `MIT AND ${NVIDIA}`,
          'io.model-image-publisher.base.licenses': 'NVIDIA Deep Learning Container License, Apache-2.0',
        });
      },
    );

    it('says what a gate hides, and reads nothing behind it (slim, llama3.1)', async () => {
      hub.requests.length = 0;
      const { files, manifest, labels } = await built(host, 'llama', 'slim');
      expect([...files.keys()].sort()).toEqual(['CC0', 'manifest.json', 'model/LICENSE']);
      expect(manifest.notReadable).toEqual(
        ['LICENSE', 'NOTICE', 'USE_POLICY.md'].map((path) => ({ path, reason: 'not readable, gated' })),
      );
      const asked = hub.requests.map(({ path }) => path).filter((path) => /LICENSE|NOTICE|USE_POLICY/.test(path));
      expect(asked).toEqual([]);
      const license = files.get('model/LICENSE')?.toString() ?? '';
      expect(license).toMatch(/^supplied by the publisher; /);
      expect(license).toContain('The text of LicenseRef-llama3.1 was not available');
      expect(manifest.obligations[0]?.obligations).toContainEqual({
        code: 'naming:Built with Llama',
        meaning: expect.stringContaining('"Built with Llama"'),
      });
      expect(manifest.decision.reasons.map(({ code }) => code)).toEqual(['gated', 'license-not-permissive']);
      expect(labels).toMatchObject({
        'org.opencontainers.image.licenses': 'LicenseRef-llama3.1',
        'io.model-image-publisher.obligations': 'text,notice,use-restrictions,naming:Built with Llama',
      });
    });

    it('carries the file that the card links to, whatever it is called (slim, other)', async () => {
      const { files, manifest, labels } = await built(host, 'linked', 'slim');
      const agreement = upstream(MODELS.linked, 'docs/AGREEMENT.pdf');
      expect(files.get('model/docs/AGREEMENT.pdf')).toEqual(agreement);
      expect(files.get('model/LICENSE')).toEqual(agreement);
      expect(manifest.license).toMatchObject({ declared: 'other', link: 'docs/AGREEMENT.pdf' });
      expect(manifest.obligations[0]?.note).toContain('not known');
      expect(labels['org.opencontainers.image.licenses']).toBe('LicenseRef-Acme-v2');
    });
  });
}

describe('equal inputs', () => {
  it('give equal licence files, whatever the base is called', async () => {
    const registry = await startRegistry();
    closing.push(() => registry.close());
    const one = await built(registry.host, 'mit', 'slim', CUDA);
    const again = await built(registry.host, 'mit', 'slim', CUDA);
    expect(again.request.key).toBe(one.request.key);
    expect(again.files).toEqual(one.files);
  });
});
