import { type Content, fixed, joined, seeded } from '../hub/content.ts';

export interface TensorSpec {
  name: string;
  dtype: string;
  shape: number[];
}

export interface FileSpec {
  /** Decides every byte of the tensors. */
  seed: string;
  /** In the order of their data. */
  tensors: TensorSpec[];
  metadata?: Record<string, string> | null;
  /** Order of the header's members, as places in `tensors`; default: that of the data. */
  order?: number[];
}

const BITS: Record<string, number> = {
  F64: 64,
  I64: 64,
  F32: 32,
  F16: 16,
  BF16: 16,
  U8: 8,
  F8_E4M3: 8,
  BOOL: 8,
  F4: 4,
};

export function bytesOfTensor({ dtype, shape }: TensorSpec): number {
  return (shape.reduce((product, length) => product * length, 1) * (BITS[dtype] ?? Number.NaN)) / 8;
}

/** A valid safetensors file of several tensors, whose bytes are generated as they are read. */
export function safetensorsFile(spec: FileSpec): { content: Content; head: Buffer } {
  const { seed, tensors, metadata = { format: 'pt' } } = spec;
  let at = 0;
  const members = tensors.map((tensor) => {
    const begin = at;
    at += bytesOfTensor(tensor);
    return [tensor.name, { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [begin, at] }];
  });
  const ordered = spec.order === undefined ? members : spec.order.map((place) => members[place] ?? []);
  const json = JSON.stringify(
    Object.fromEntries([...(metadata === null ? [] : [['__metadata__', metadata]]), ...ordered]),
  );
  const text = Buffer.from(json);
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  text.copy(head, 8);
  const data = tensors.map((tensor) => seeded(`${seed}:${tensor.name}`, bytesOfTensor(tensor)));
  return { content: joined(fixed(head), ...data), head };
}

/** Tensors of 1 KiB a row, named as layers are. */
export function layerTensors(count: number, rows: number, dtype = 'F32'): TensorSpec[] {
  return Array.from({ length: count }, (_, at) => ({ name: `model.layers.${at}.weight`, dtype, shape: [rows, 256] }));
}
