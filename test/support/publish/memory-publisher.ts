import { PublisherError } from '../../../src/errors.ts';
import { imageIndex, imageManifest } from '../../../src/image/manifest.ts';
import type { Attester } from '../../../src/publish/attest/types.ts';
import type { CopyImage, PublishContext, TagMove, WantedPublication } from '../../../src/publish/types.ts';
import { digestOf } from '../../../src/registry/digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/registry/media-types.ts';
import { parseManifestContent } from '../../../src/registry/schema.ts';
import type { Descriptor, Digest, ManifestContent, PublishTarget } from '../../../src/registry/types.ts';
import { MemoryTarget } from '../image/memory-target.ts';
import { RegistryStorage } from '../registry/index.ts';
import { planned } from '../report/report.ts';

/** A repository in memory that publishing can use; down when told. */
export class MemoryPublishTarget extends MemoryTarget implements PublishTarget {
  /** Thrown by every call whose `method argument` matches. */
  fault: { match: RegExp; error: Error; before?: () => void } | null = null;

  async head(tagOrDigest: string): Promise<Descriptor | null> {
    this.#meet(`head ${tagOrDigest}`);
    this.calls.push(`head ${tagOrDigest}`);
    const found = this.storage.manifest(this.#repository, tagOrDigest);
    if (found === null) return null;
    return { digest: digestOf(found.bytes), mediaType: found.mediaType, size: found.bytes.byteLength };
  }

  override async tag(tag: string, manifest: ManifestContent): Promise<void> {
    this.#meet(`tag ${tag}`);
    await super.tag(tag, manifest);
  }

  async referrers(): Promise<Descriptor[]> {
    return [];
  }

  putReferrer(bytes: Uint8Array, mediaType: string): Promise<Descriptor> {
    return this.putManifest(bytes, mediaType);
  }

  async removeTag(tag: string): Promise<{ state: 'removed' | 'absent' }> {
    return { state: this.storage.repository(this.#repository).tags.delete(tag) ? 'removed' : 'absent' };
  }

  async deleteManifest(digest: Digest): Promise<boolean> {
    return this.storage.repository(this.#repository).manifests.delete(digest);
  }

  get #repository(): string {
    return this.name.slice(this.name.indexOf('/') + 1);
  }

  #meet(call: string): void {
    if (this.fault?.match.test(call) !== true) return;
    this.fault.before?.();
    throw this.fault.error;
  }
}

export const down = (match = /./) => ({
  match,
  error: new PublisherError('registry-unavailable', 'The registry does not answer.'),
});

/** Repositories by name; those of one host share their content. */
export class MemoryRegistries {
  readonly #storages = new Map<string, RegistryStorage>();
  readonly #targets = new Map<string, MemoryPublishTarget>();

  open(name: string): MemoryPublishTarget {
    const host = name.slice(0, name.indexOf('/'));
    const storage = this.#storages.get(host) ?? new RegistryStorage();
    this.#storages.set(host, storage);
    const target = this.#targets.get(name) ?? new MemoryPublishTarget(name, storage);
    this.#targets.set(name, target);
    return target;
  }
}

/** Pushes an index over one platform, annotated as ours is; with `annotations: {}`, somebody else's. */
export async function pushImage(
  target: MemoryPublishTarget,
  content: string,
  annotations: Record<string, string> = ours(content),
): Promise<Digest> {
  const blob = async (text: string, mediaType: string) => {
    const bytes = Buffer.from(text);
    const digest = target.storage.addBlob(target.name.slice(target.name.indexOf('/') + 1), bytes);
    return { digest: digestOf(bytes), mediaType, size: bytes.byteLength, annotations: { of: digest } };
  };
  const config = await blob(`{"content":"${content}"}`, OCI_CONFIG);
  const manifest = imageManifest(config, [await blob(content, OCI_LAYER)], annotations);
  const child = await target.putManifest(manifest, OCI_MANIFEST);
  const platform = { os: 'linux', architecture: 'amd64' };
  return (await target.putManifest(imageIndex([{ ...child, platform }], annotations), OCI_INDEX)).digest;
}

export const ours = (content: string, model = 'acme/tiny'): Record<string, string> => ({
  'io.model-image-publisher.inputs': Buffer.from(content).toString('hex').padEnd(64, '0'),
  'io.model-image-publisher.model': model,
});

/** Copies inside memory, whatever the hosts. */
export const copyInMemory: CopyImage = async (from, to, digest) => {
  const content = await from.manifest(digest);
  const parsed = parseManifestContent(content);
  if (parsed.kind === 'index') {
    for (const child of parsed.index.manifests) await copyInMemory(from, to, child.digest, NEVER);
  } else {
    for (const blob of [parsed.manifest.config, ...parsed.manifest.layers]) {
      await to.write({ ...blob, open: () => from.blob(blob) });
    }
  }
  return to.putManifest(content.bytes, content.mediaType);
};

const NEVER = { signal: new AbortController().signal, everything: false };

/** States nothing, and remembers what it was asked. */
export class SilentAttester implements Attester {
  readonly asked: { index: Digest; repositories: string[] }[] = [];
  error: Error | null = null;

  async attest(index: Digest, repositories: readonly PublishTarget[]) {
    if (this.error !== null) throw this.error;
    this.asked.push({ index, repositories: repositories.map(({ name }) => name) });
    return { attestations: [], signed: false, notes: ['Nothing is signed.'] };
  }
}

export interface MemoryPublisher extends PublishContext {
  attester: SilentAttester;
  moves: TagMove[];
}

/** A context whose guard always agrees, and that remembers which digest it pointed a tag at last. */
export function memoryPublisher(registries: MemoryRegistries, extra: Partial<PublishContext> = {}): MemoryPublisher {
  const moves: TagMove[] = [];
  return {
    open: (repository) => registries.open(repository),
    copy: copyInMemory,
    guard: async () => undefined,
    wrote: async (repository, tag) =>
      moves.findLast((move) => move.repository === repository && move.tag === tag)?.after ?? null,
    recalls: async () => null,
    moved: async (move) => void moves.push(move),
    force: false,
    signal: new AbortController().signal,
    ...extra,
    attester: new SilentAttester(),
    moves,
  };
}

export const movingTag = (tag: string, template = tag) => ({ tag, template, immutable: false });
export const immutableTag = (tag: string, template = tag) => ({ tag, template, immutable: true });

export function wanted(
  digest: Digest,
  places: WantedPublication['places'],
  variant: 'slim' | 'fat' = 'slim',
): WantedPublication {
  const references = places.filter(({ aliasOf }) => aliasOf === null).map((place) => `${place.repository}@${digest}`);
  return {
    target: planned('tiny', { variant }),
    places,
    image: {
      variant,
      runtime: 'default',
      reference: references[0] ?? '',
      references,
      digest,
      revision: 'a'.repeat(40),
      bytes: { weights: 0, uploaded: 0, reused: 0 },
      durationMs: 1,
      notes: [],
    },
    scan: null,
    source: { repository: null, commit: null, path: 'models.yaml' },
  };
}
