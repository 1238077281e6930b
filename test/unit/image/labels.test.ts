import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ImageInputs } from '../../../src/image/inputs.ts';
import { createdOf, imageLabels } from '../../../src/image/labels.ts';
import { baseLicenses } from '../../../src/licensing/base-licenses.ts';
import { digest, imageInputs } from '../../support/image/inputs.ts';

const KEY = 'f'.repeat(64);
const CREATED = '2026-01-01T00:00:00Z';
const FACTS = { key: KEY, base: digest('1'), licenses: [], created: CREATED };
const labelsOf = (inputs: Partial<ImageInputs> = {}, facts: Partial<Parameters<typeof imageLabels>[1]> = {}) =>
  imageLabels(imageInputs(inputs), { ...FACTS, ...facts });
const licensed = (spdx: string | null, declared: string | null = spdx) => ({
  license: { declared, spdx, class: null, link: null },
});

describe('imageLabels', () => {
  it('says what is inside and where it comes from', () => {
    expect(labelsOf()).toEqual({
      'org.opencontainers.image.created': CREATED,
      'org.opencontainers.image.title': 'Tiny',
      'org.opencontainers.image.description': 'A tiny model',
      'org.opencontainers.image.url': 'https://example.org/tiny',
      'org.opencontainers.image.source': 'https://huggingface.co/acme/tiny',
      'org.opencontainers.image.revision': 'a'.repeat(40),
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.base.digest': digest('1'),
      'io.model-image-publisher.inputs': KEY,
      'io.model-image-publisher.model': 'acme/tiny',
      'io.model-image-publisher.variant': 'slim',
      'io.model-image-publisher.runtime': 'default',
      'io.model-image-publisher.engine': 'vllm',
      'io.model-image-publisher.license.declared': 'apache-2.0',
      'io.model-image-publisher.obligations': 'text,notice',
      'io.model-image-publisher.infrastructure-license': 'CC0-1.0',
    });
  });

  it('describes the image where the catalog does not', () => {
    const oci = { title: null, description: null, url: null };
    expect(labelsOf({ oci })).toMatchObject({
      'org.opencontainers.image.title': 'tiny (slim)',
      'org.opencontainers.image.description': expect.stringContaining('downloaded into /models/tiny'),
      'org.opencontainers.image.url': 'https://huggingface.co/acme/tiny',
    });
    expect(labelsOf({ oci, variant: 'fat' })).toMatchObject({
      'org.opencontainers.image.description': expect.stringContaining('weights inside, under /models/tiny'),
    });
  });

  it('leaves out what nobody knows', () => {
    const labels = labelsOf(licensed(null), { base: null });
    expect(labels['org.opencontainers.image.licenses']).toBe('LicenseRef-not-declared');
    expect(Object.keys(labels)).not.toContain('io.model-image-publisher.obligations');
    expect(Object.keys(labels)).not.toContain('io.model-image-publisher.base.licenses');
    expect(Object.keys(labels)).not.toContain('io.model-image-publisher.license.declared');
    expect(Object.keys(labels)).not.toContain('org.opencontainers.image.base.digest');
  });

  it('names what the licence asks for, each once', () => {
    expect(labelsOf(licensed('MIT AND LicenseRef-llama3.1'))['io.model-image-publisher.obligations']).toBe(
      'text,notice,use-restrictions,naming:Built with Llama',
    );
  });

  it("names the base's licences, and adds those that are ids to the expression", () => {
    const licenses = baseLicenses([
      { env: ['CUDA_VERSION=13.0.2'], labels: { 'org.opencontainers.image.licenses': 'Apache 2' } },
    ]);
    const labels = labelsOf(licensed('MIT OR Apache-2.0'), { licenses });
    expect(labels['org.opencontainers.image.licenses']).toBe(
      '(MIT OR Apache-2.0) AND LicenseRef-NVIDIA-Deep-Learning-Container-License',
    );
    expect(labels['io.model-image-publisher.base.licenses']).toBe('NVIDIA Deep Learning Container License, Apache 2');
  });

  it('holds a declared licence of any text to one short printable line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (declared) => {
        const label = labelsOf(licensed(null, declared))['io.model-image-publisher.license.declared'];
        expect(label).toMatch(/^[\x20-\x7e]{0,200}$/);
      }),
      { examples: [['x'.repeat(400)], ['mit\nevil: yes\u202e']] },
    );
  });
});

describe('createdOf', () => {
  it('is the later of the two, to the second, in UTC', () => {
    expect(createdOf('2026-03-01T12:00:00.123Z', '2025-01-01T00:00:00Z')).toBe('2026-03-01T12:00:00Z');
    expect(createdOf('2025-03-01T12:00:00Z', '2026-01-01T01:00:00.999999999+01:00')).toBe('2026-01-01T00:00:00Z');
  });

  it('does without a time that is missing or no time', () => {
    expect(createdOf('2026-03-01T12:00:00Z', null)).toBe('2026-03-01T12:00:00Z');
    expect(createdOf('2026-03-01T12:00:00Z', 'yesterday')).toBe('2026-03-01T12:00:00Z');
    expect(createdOf('', null)).toBe('1970-01-01T00:00:00Z');
    expect(createdOf('2026-03-01T12:00:00Z', '0001-01-01T00:00:00Z')).toBe('2026-03-01T12:00:00Z');
  });

  it('is never before the epoch, whatever a base says', () => {
    expect(createdOf('0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z')).toBe('1970-01-01T00:00:00Z');
  });
});
