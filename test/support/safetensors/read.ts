import { createHash, type Hash } from 'node:crypto';

export interface ReadTensor {
  dtype: string;
  shape: number[];
  /** Hex, of the tensor's bytes. */
  sha256: string;
}

export interface ReadFile {
  metadata: Record<string, string> | null;
  /** By name, in the order of the header. */
  tensors: Map<string, ReadTensor>;
  /** Bytes of length field and header. */
  headSize: number;
  size: number;
}

const SIZES: Record<string, number> = { F64: 8, I64: 8, F32: 4, F16: 2, BF16: 2, U8: 1, F8_E4M3: 1, BOOL: 1, F4: 0.5 };

interface Place extends ReadTensor {
  name: string;
  begin: number;
  end: number;
}

/**
 * Reads a safetensors file in one pass and throws at anything the format forbids. Written from the format's description, apart
 * from the product's own code, and holds no more than the header.
 */
export async function readSafetensors(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<ReadFile> {
  let head = Buffer.alloc(0);
  let headSize = Number.POSITIVE_INFINITY;
  let places: Place[] = [];
  let metadata: ReadFile['metadata'] = null;
  let order: string[] = [];
  let current = 0;
  let at = 0;
  let hash: Hash = createHash('sha256');
  let size = 0;
  const close = () => {
    for (let place = places[current]; place !== undefined && place.end === at; place = places[current]) {
      place.sha256 = hash.digest('hex');
      hash = createHash('sha256');
      current += 1;
    }
  };
  const data = (bytes: Uint8Array) => {
    for (let from = 0; from < bytes.length; ) {
      const place = places[current];
      if (place === undefined) throw new Error('there are bytes behind the last tensor');
      const piece = bytes.subarray(from, from + place.end - at);
      hash.update(piece);
      at += piece.length;
      from += piece.length;
      close();
    }
  };
  for await (const chunk of chunks) {
    size += chunk.length;
    if (places.length > 0) {
      data(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length >= 8) headSize = 8 + Number(head.readBigUInt64LE());
    if (head.length < headSize) continue;
    ({ places, metadata, order } = parse(head.subarray(8, headSize)));
    if (headSize % 8 !== 0) throw new Error('the data does not begin at a multiple of eight');
    close();
    data(head.subarray(headSize));
    head = head.subarray(0, 0);
  }
  if (current !== places.length || places.length === 0)
    throw new Error(`only ${current} of ${places.length} tensors are there`);
  const byName = new Map(places.map(({ name, dtype, shape, sha256 }) => [name, { dtype, shape, sha256 }]));
  const tensors = new Map(order.flatMap((name) => [[name, byName.get(name) ?? { dtype: '', shape: [], sha256: '' }]]));
  return { metadata, tensors, headSize, size };
}

function parse(json: Buffer): { places: Place[]; metadata: ReadFile['metadata']; order: string[] } {
  if (json[0] !== 0x7b) throw new Error('the header does not begin with {');
  const { __metadata__: metadata = null, ...members } = JSON.parse(json.toString('utf8'));
  const places = Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(members).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ]): Place => {
      const size = shape.reduce((product, length) => product * length, 1) * (SIZES[dtype] ?? Number.NaN);
      if (size !== end - begin) throw new Error(`${name} has ${end - begin} bytes, not ${size}`);
      return { name, dtype, shape, begin, end, sha256: '' };
    },
  );
  const order = places.map(({ name }) => name);
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of places) {
    if (begin !== expected) throw new Error(`${name} begins at ${begin}, not at ${expected}`);
    expected = end;
  }
  return { places, metadata, order };
}
