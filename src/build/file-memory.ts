import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { messageOf, PublisherError } from '../errors.ts';
import { ASSEMBLER_FORMAT } from '../image/inputs.ts';
import type { Digest } from '../registry/types.ts';
import { notReproducible } from './not-reproducible.ts';
import { digestSchema } from './schema.ts';
import type { LayerMemory, RememberedLayer } from './types.ts';

const layerLine = z.object({
  format: z.int(),
  key: z.string(),
  path: z.string(),
  digest: digestSchema,
  size: z.int(),
  files: z.array(z.object({ path: z.string(), sha256: z.string() })).optional(),
});
const placeLine = z.object({ digest: digestSchema, places: z.array(z.string()) });
const lineSchema = z.union([layerLine, placeLine]);

/** Far more than anybody looks through. */
const MOST_PLACES = 20;

interface Known {
  layers: Map<string, RememberedLayer>;
  places: Map<Digest, string[]>;
}

/**
 * Layers written before, as lines of JSON that are only ever appended: what a process without a database of its own needs, at the cost of a
 * file. Several processes may append at once, and one that is killed leaves at most half a line, which is passed over.
 *
 * @throws PublisherError `environment` from every method, for a file that can be neither read nor made
 */
export function fileMemory(path: string): LayerMemory {
  let loaded: { size: number; known: Promise<Known> } | null = null;
  // Other processes append too: a file of another size is read again.
  const load = async () => {
    const size = (await stat(path).catch(() => null))?.size ?? 0;
    if (loaded?.size !== size) loaded = { size, known: read(path) };
    return loaded.known;
  };
  return {
    async find(key, inImage) {
      return (await load()).layers.get(keyOf(ASSEMBLER_FORMAT, key, inImage)) ?? null;
    },
    async remember(key, inImage, { digest, size, files }) {
      const { layers } = await load();
      const before = layers.get(keyOf(ASSEMBLER_FORMAT, key, inImage));
      if (before !== undefined && before.digest !== digest) throw notReproducible(inImage, digest);
      if (before !== undefined) return;
      await append(path, { format: ASSEMBLER_FORMAT, key, path: inImage, digest, size, files });
    },
    async places(digest) {
      return (await load()).places.get(digest) ?? [];
    },
    async notePlaces(digest, repositories) {
      const { places } = await load();
      const before = places.get(digest) ?? [];
      const fresh = repositories.filter((name) => !name.startsWith('oci:') && !before.includes(name));
      if (fresh.length === 0) return;
      await append(path, { digest, places: fresh });
    },
  };
}

async function read(path: string): Promise<Known> {
  const known: Known = { layers: new Map(), places: new Map() };
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw unusable(path, error);
  });
  for (const line of text.split('\n')) {
    const parsed = parseLine(line);
    if (parsed === null) continue;
    if ('key' in parsed) {
      const { format, key, path: inImage, digest, size, files } = parsed;
      known.layers.set(keyOf(format, key, inImage), { digest, size, files });
    } else {
      const before = known.places.get(parsed.digest) ?? [];
      const others = before.filter((name) => !parsed.places.includes(name));
      known.places.set(parsed.digest, [...parsed.places, ...others].slice(0, MOST_PLACES));
    }
  }
  return known;
}

function keyOf(format: number, key: string, inImage: string): string {
  return JSON.stringify([format, key, inImage]);
}

function parseLine(line: string): z.infer<typeof lineSchema> | null {
  try {
    return lineSchema.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/** One write a line, so that lines of several processes do not mix; begun on a new line, so that half a line of a killed one does not spoil it. */
async function append(path: string, value: object): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await using file = await open(path, 'a');
    await file.appendFile(`\n${JSON.stringify(value)}\n`);
    await file.datasync();
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): PublisherError {
  return new PublisherError('environment', `${path} cannot be used: ${messageOf(cause)}`, { cause });
}
