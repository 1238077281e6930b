import type { KeyObject } from 'node:crypto';
import { PublisherError } from '../../errors.ts';
import { hexOf } from '../../registry/digest.ts';
import { type ImageManifest, manifestSchema, parseJson } from '../../registry/schema.ts';
import type { Descriptor, Digest, ManifestContent, PublishTarget } from '../../registry/types.ts';
import { parseBundle } from './bundle.ts';
import { type Envelope, envelopeSchema, envelopeVerifies, PAYLOAD_TYPE, payloadOf } from './dsse.ts';
import { PREDICATE_TYPES } from './predicate-types.ts';
import { ReadBudget } from './read-budget.ts';
import { EMPTY_TYPE } from './referrer.ts';
import { isAbout, parseStatement, type Statement } from './statement.ts';

/** Where things about an image are read from. */
export type AttachmentSource = Pick<PublishTarget, 'name' | 'manifest' | 'blob' | 'referrers'>;

/** A statement about an index that lies beside it. */
export interface Attached {
  /** `referrer` for bundles and bare statements, `att` for what lies under cosign's tag. */
  place: 'referrer' | 'att';
  /** Of the manifest that holds it. */
  manifest: ManifestContent;
  /** Its content as stored, with the layer's descriptor. */
  content: { descriptor: Descriptor; bytes: Uint8Array };
  statement: Statement;
  /** null for a bare statement. */
  envelope: Envelope | null;
}

/** More than anybody needs of one image: its SBOMs are some megabytes. */
const MOST = { items: 256, bytes: 256 * 1024 * 1024 };
const KNOWN: ReadonlySet<string> = new Set(PREDICATE_TYPES);
/** Where a referrer, or a layer of cosign's, tells its predicate type: BuildKit's, cosign's for a bundle, cosign's under the tag. */
const TELLS_TYPE = ['in-toto.io/predicate-type', 'dev.sigstore.bundle.predicateType', 'predicateType'];

/**
 * Every statement of the five types about this index in a repository, by anybody: what is signed is not verified yet. What is no
 * statement, or is about something else, is left out; what tells so by itself is not read.
 *
 * @throws PublisherError `too-large` when there is more than anybody needs; the registry codes
 */
export async function attachedStatements(
  source: AttachmentSource,
  index: Digest,
  signal?: AbortSignal,
): Promise<Attached[]> {
  const found: Attached[] = [];
  const budget = new ReadBudget(`${source.name}@${index}`, MOST);
  const referrers = await source.referrers(index, options(signal));
  for (const { digest } of referrers.filter(mayBeStatement)) {
    budget.item();
    const read = await manifestOf(source, digest, signal);
    const kind = read?.manifest.artifactType ?? read?.manifest.config.mediaType ?? '';
    const layer = read?.manifest.layers[0];
    if (read === null || layer === undefined || !isStatementType(kind)) continue;
    budget.bytes(read.content.bytes.byteLength + layer.size);
    const bytes = await contentOf(source, layer, signal);
    const envelope = bytes === null ? null : parseBundle(bytes);
    if (bytes === null || (envelope === null && kind !== PAYLOAD_TYPE)) continue;
    add(found, index, { place: 'referrer', manifest: read.content, content: { descriptor: layer, bytes }, envelope });
  }
  const att = await manifestOf(source, `${cosignTag(index)}.att`, signal);
  for (const layer of att?.manifest.layers.filter(mayBeWanted) ?? []) {
    budget.item();
    budget.bytes(layer.size);
    const bytes = await contentOf(source, layer, signal);
    const envelope = bytes === null ? null : parseEnvelope(bytes);
    if (att === null || bytes === null || envelope === null) continue;
    add(found, index, { place: 'att', manifest: att.content, content: { descriptor: layer, bytes }, envelope });
  }
  return found;
}

/** Whether it bears a signature of this key. */
export function isSignedBy({ envelope }: Attached, key: KeyObject): boolean {
  return envelope !== null && envelopeVerifies(envelope, key);
}

/** cosign's tag for what belongs to an image, without the suffix. */
export function cosignTag(index: Digest): string {
  return `sha256-${hexOf(index)}`;
}

/** A manifest that may not be there, or be none. */
export async function manifestOf(
  source: Pick<AttachmentSource, 'manifest'>,
  tagOrDigest: string,
  signal?: AbortSignal,
): Promise<{ content: ManifestContent; manifest: ImageManifest } | null> {
  return orNull(async () => {
    const content = await source.manifest(tagOrDigest, options(signal));
    return { content, manifest: parseJson(manifestSchema, content.bytes, `Manifest ${content.digest}`) };
  });
}

/** A blob that may not be there, or be another; null then. The caller knows that its size is one to keep in memory. */
export async function contentOf(
  source: Pick<AttachmentSource, 'blob'>,
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<Uint8Array | null> {
  return orNull(async () => Buffer.concat(await Array.fromAsync(source.blob(descriptor, options(signal)))));
}

const ABSENT: ReadonlySet<string> = new Set(['registry-not-found', 'registry-invalid', 'image-invalid']);

async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PublisherError && ABSENT.has(error.code)) return null;
    throw error;
  }
}

function add(found: Attached[], index: Digest, attached: Omit<Attached, 'statement'>): void {
  const { envelope, content } = attached;
  const statement = parseStatement(envelope === null ? content.bytes : payloadOf(envelope));
  if (statement !== null && isAbout(statement, index)) found.push({ ...attached, statement });
}

/** Whether a referrer's entry leaves it possible; registries may not tell, or tell the empty configuration's type instead. */
function mayBeStatement(entry: Descriptor): boolean {
  const { artifactType = '' } = entry;
  return (artifactType === '' || artifactType === EMPTY_TYPE || isStatementType(artifactType)) && mayBeWanted(entry);
}

function mayBeWanted({ annotations }: Descriptor): boolean {
  const told = TELLS_TYPE.flatMap((name) => annotations?.[name] ?? []);
  return told.every((type) => KNOWN.has(type));
}

function isStatementType(type: string): boolean {
  return type === PAYLOAD_TYPE || type.startsWith('application/vnd.dev.sigstore.bundle');
}

function parseEnvelope(bytes: Uint8Array): Envelope | null {
  try {
    return envelopeSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

const options = (signal?: AbortSignal) => (signal === undefined ? {} : { signal });
