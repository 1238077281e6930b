import { describe, expect, it } from 'vitest';
import { PublisherError } from '../../../../src/errors.ts';
import { type AttachmentSource, attachedStatements } from '../../../../src/publish/attest/attached.ts';
import { PAYLOAD_TYPE } from '../../../../src/publish/attest/dsse.ts';
import { prepareReferrer } from '../../../../src/publish/attest/place.ts';
import { SCAN } from '../../../../src/publish/attest/predicate-types.ts';
import { statementOf } from '../../../../src/publish/attest/statement.ts';
import { digestOf } from '../../../../src/registry/digest.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../../../src/registry/media-types.ts';
import type { Descriptor, ManifestContent } from '../../../../src/registry/types.ts';

const INDEX = `sha256:${'1'.repeat(64)}` as const;
const subject = { mediaType: OCI_INDEX, digest: INDEX, size: 10 };

/** What lies beside the index: each entry, and what it costs to read it. */
class Beside implements AttachmentSource {
  readonly name = 'one.test/acme/hf-tiny';
  readonly read: string[] = [];
  readonly #entries: Descriptor[] = [];
  readonly #manifests = new Map<string, ManifestContent>();
  readonly #blobs = new Map<string, Uint8Array>();

  /** @param size that the manifest declares, where it is not the statement's own */
  put(predicateType: string, predicate: unknown, entry: Partial<Descriptor> = {}, size: number | null = null): void {
    const bytes = new TextEncoder().encode(statementOf('hf-tiny', INDEX, predicateType, predicate));
    const content = { predicateType, artifactType: PAYLOAD_TYPE, bytes };
    const { manifest, mediaType } = prepareReferrer(subject, content, false, (data, type) => {
      return {
        mediaType: type,
        digest: digestOf(data),
        size: data === bytes ? (size ?? data.byteLength) : data.byteLength,
      };
    });
    const digest = digestOf(manifest);
    this.#blobs.set(digestOf(bytes), bytes);
    this.#manifests.set(digest, { mediaType, digest, bytes: manifest });
    this.#entries.push({ mediaType: OCI_MANIFEST, digest, size: manifest.byteLength, ...entry });
  }

  async referrers(): Promise<Descriptor[]> {
    return this.#entries;
  }

  async manifest(name: string): Promise<ManifestContent> {
    const found = this.#manifests.get(name);
    if (found === undefined) throw new PublisherError('registry-not-found', `There is no ${name}.`);
    this.read.push(name);
    return found;
  }

  async *blob({ digest }: Descriptor): AsyncIterable<Uint8Array> {
    const found = this.#blobs.get(digest);
    if (found === undefined) throw new PublisherError('registry-not-found', `There is no ${digest}.`);
    this.read.push(digest);
    yield found;
  }
}

describe('what lies beside an image', () => {
  it('is found among any number of things that say themselves that they are something else, which are not read', async () => {
    const beside = new Beside();
    for (let at = 0; at < 300; at++) {
      beside.put(SCAN, { at }, { artifactType: 'application/vnd.example.chart' });
      beside.put('https://example.test/other', { at }, { annotations: { 'in-toto.io/predicate-type': 'urn:other' } });
    }
    beside.put(
      SCAN,
      { mine: true },
      { artifactType: PAYLOAD_TYPE, annotations: { 'in-toto.io/predicate-type': SCAN } },
    );
    const found = await attachedStatements(beside, INDEX);
    expect(found.map(({ statement }) => statement.predicate)).toEqual([{ mine: true }]);
    expect(beside.read).toHaveLength(2);
  });

  it('is found where the registry tells no types', async () => {
    const beside = new Beside();
    beside.put(SCAN, { mine: true });
    expect(await attachedStatements(beside, INDEX)).toHaveLength(1);
  });

  it('is too large to be read when there are more statements than anybody needs, not cut short', async () => {
    const beside = new Beside();
    for (let at = 0; at < 257; at++) beside.put(SCAN, { at });
    await expect(attachedStatements(beside, INDEX)).rejects.toMatchObject({
      code: 'too-large',
      message: expect.stringContaining(`one.test/acme/hf-tiny@${INDEX}`),
    });
  });

  it('is too large when the statements are so together, which is known before the last is read', async () => {
    const beside = new Beside();
    for (let at = 0; at < 3; at++) beside.put(SCAN, { at }, {}, 100 * 1024 * 1024);
    await expect(attachedStatements(beside, INDEX)).rejects.toMatchObject({ code: 'too-large' });
    expect(beside.read).toHaveLength(5);
  });
});
