import type { Engine } from '../catalog/types.ts';
import { PublisherError } from '../errors.ts';
import { MAX_INDEX_BYTES } from '../huggingface/schema.ts';
import type { Hub, HubFile, ModelAt } from '../huggingface/types.ts';
import { MAX_LAYERS } from '../image/layer-plan.ts';
import { headSize, LENGTH_BYTES } from '../image/safetensors/header.ts';
import {
  indexMates,
  isIndexFile,
  isSafetensors,
  NOTHING_TO_SPLIT,
  oversized,
  planResharding,
  type Resharding,
  type Splits,
} from '../image/safetensors/reshard.ts';
import { concatBytes } from '../image/tar.ts';
import { forbidsModification } from '../licensing/expression-obligations.ts';
import { safePath } from '../policy/safe-path.ts';

/** Bytes of all headers of one model: they are in memory together. */
const MAX_HEADS_BYTES = 128 * 1024 * 1024;

export interface ReshardRequest {
  /** All files of the image. */
  files: readonly HubFile[];
  /** Folder of the model in the image, relative to the root, without a slash at the end. */
  folder: string;
  layerMaxBytes: number;
  engine: Engine;
  /** The effective licence. */
  spdx: string | null;
}

/**
 * How the files above the layer limit are split, from their headers and indexes as the Hub has them; no weights are read. Asked with the
 * same request it comes to the same answer, so planner and builder need not hand it on. The headers are not verified yet: the
 * build does that, with the rest of each file.
 *
 * @throws PublisherError the Hub's codes; never for what the files hold
 */
export async function reshard(
  request: ReshardRequest,
  hub: Pick<Hub, 'range' | 'read'>,
  model: ModelAt,
  signal?: AbortSignal,
): Promise<Resharding> {
  const { files, folder, layerMaxBytes } = request;
  const over = oversized(files, folder, layerMaxBytes);
  if (over.length === 0) return NOTHING_TO_SPLIT;
  const refused = new Map<string, string>();
  for (const file of over) {
    const why = refusal(file, over.length, request);
    if (why !== null) refused.set(file.path, why);
  }
  if (refused.size > 0) return { ok: false, refused };
  const indexes: { path: string; content: Uint8Array }[] = [];
  for (const file of files.filter(isIndexFile)) {
    indexes.push({ path: file.path, content: await hub.read(model, file, MAX_INDEX_BYTES, { signal }) });
  }
  const heads = new Map<string, Uint8Array>();
  let room = MAX_HEADS_BYTES;
  for (const file of [...over, ...indexMates(files, over, indexes)]) {
    const head = await readHead(file, room, hub, model, signal);
    heads.set(file.path, head);
    room -= head.length;
  }
  const planned = planResharding({ files, over, heads, indexes, folder, layerMaxBytes });
  return planned.ok ? withSafePaths(planned) : planned;
}

/** Why a file may not be split at all, whatever is in it. */
function refusal(file: HubFile, count: number, { engine, spdx }: ReshardRequest): string | null {
  if (!isSafetensors(file)) return 'is no safetensors file, and only those can be split';
  if (engine === 'llamacpp') return 'cannot be split for llama.cpp, which does not load safetensors';
  if (forbidsModification(spdx)) return `cannot be split, because its licence (${spdx}) asks for unmodified copies`;
  return count > MAX_LAYERS ? `is one of ${count} files above the limit, too many for any image` : null;
}

/** Bytes of a file up to its data; fewer where it has no sensible length field or no room is left, which then tells by itself. */
async function readHead(
  file: HubFile,
  room: number,
  hub: Pick<Hub, 'range'>,
  model: ModelAt,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = async (begin: number, end: number) =>
    concatBytes(await Array.fromAsync(hub.range(model, file, begin, end, { signal })));
  const first = await bytes(0, Math.min(LENGTH_BYTES, file.size));
  const size = headSize(first, file.size);
  if (!size.ok || size.value > room) return first;
  return concatBytes([first, await bytes(LENGTH_BYTES, size.value)]);
}

function withSafePaths(planned: Splits): Resharding {
  const refused = new Map<string, string>();
  for (const { file, parts } of planned.splits) {
    if (parts.some(({ path }) => safePath(path) !== null)) refused.set(file.path, 'has too long a name to be numbered');
  }
  return refused.size === 0 ? planned : { ok: false, refused };
}

/** The same for a build, where a refusal is an error. @throws PublisherError `too-large`, and the Hub's codes */
export async function reshardOrThrow(...[request, hub, model, signal]: Parameters<typeof reshard>): Promise<Splits> {
  const resharding = await reshard(request, hub, model, signal);
  if (resharding.ok) return resharding;
  const why = [...resharding.refused].map(([path, problem]) => `${path} ${problem}`).join('; ');
  throw new PublisherError('too-large', `A file is above the limit of one layer and ${why}.`);
}
