import type { BuildRequest } from '../../build/types.ts';
import { PublisherError } from '../../errors.ts';
import type { HubFile } from '../../huggingface/types.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';
import type { Digest } from '../../registry/types.ts';

/** The public Hub, as labels name it: what is stated does not depend on which mirror of it answered. */
const HUB = 'https://huggingface.co';

/** What a builder was asked for. @throws PublisherError `internal` for a target that is not to be built */
export function requestOf({ request, model, variant }: PlannedTarget): BuildRequest {
  if (request !== null) return request;
  throw new PublisherError(
    'internal',
    `${model.short} (${variant}) has no build request, so nothing can be stated of it.`,
  );
}

/** Address of a file at the pinned commit. */
export function fileAddress(
  { hubId, inputs }: Pick<BuildRequest, 'hubId' | 'inputs'>,
  { path }: { path: string },
): string {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `${HUB}/${hubId}/resolve/${inputs.revision}/${encoded}`;
}

/** Address of the model at the pinned commit. */
export function modelAddress({ hubId, inputs }: Pick<BuildRequest, 'hubId' | 'inputs'>): string {
  return `${HUB}/${hubId}/tree/${inputs.revision}`;
}

/** Package URL specification, type `huggingface`: the name in lower case is not asked for, the version is the commit. */
export function modelPurl(id: string, revision: string | null): string {
  const [owner = '', name = ''] = id.split('/').map(encodeURIComponent);
  const path = name === '' ? owner : `${owner}/${name}`;
  return `pkg:huggingface/${path}${revision === null ? '' : `@${revision.toLowerCase()}`}`;
}

/** `gitoid:` URI (IANA scheme of that name) of a file that the Hub keeps in git; null where the sha256 is known. */
export function gitoid({ sha256, oid }: Pick<HubFile, 'sha256' | 'oid'>): string | null {
  return sha256 === null ? `gitoid:blob:sha1:${oid}` : null;
}

/** The base by digest, without its tag. */
export function baseReference({ base }: Pick<BuildRequest, 'base'>): string {
  return formatReference({ ...parseReference(base.reference), tag: null, digest: base.digest });
}

/** The same for one platform of it. */
export function platformReference({ base }: Pick<BuildRequest, 'base'>, digest: Digest): string {
  return formatReference({ ...parseReference(base.reference), tag: null, digest });
}

/** RFC 3339 to the second; the epoch for what is no time. */
export function toSecond(time: string): string {
  const parsed = Date.parse(time);
  return new Date(Number.isFinite(parsed) ? parsed : 0).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
