import { createHash } from 'node:crypto';
import type { Digest } from '../registry/types.ts';

export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${sha256Hex(content)}`;
}
