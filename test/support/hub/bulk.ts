import { createCipheriv, createHash } from 'node:crypto';
import type { Content } from './content.ts';

const BLOCK = 1024 * 1024;
const BLOCKS = 64;
let pool: Buffer[] | undefined;

/**
 * Any amount of bf16 numbers distributed as weights are, which compressors take about as long over and gain about as much from.
 * All of it comes from one pool made once and is sent without being copied, so that whoever serves it is not what a
 * benchmark measures.
 */
export function bulk(seed: string, size: number): Content {
  // Files start at different blocks; the numbers themselves repeat, far beyond any compressor's window.
  const first = createHash('sha256').update(seed).digest().readUInt16LE() % BLOCKS;
  return {
    size,
    *slice(start, end) {
      pool ??= makePool();
      for (let at = start; at < end; ) {
        const index = Math.floor(at / BLOCK);
        const from = at - index * BLOCK;
        const piece = pool[(first + index) % BLOCKS]?.subarray(from, Math.min(BLOCK, from + end - at));
        if (piece === undefined) return;
        at += piece.length;
        yield piece;
      }
    },
  };
}

function makePool(): Buffer[] {
  const table = normalTable();
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK);
  return Array.from({ length: BLOCKS }, () => {
    const block = cipher.update(zeros);
    for (let at = 0; at < BLOCK; at += 2) block.writeUInt16LE(table[block.readUInt16LE(at)] ?? 0, at);
    return block;
  });
}

/** 65,536 draws from a normal distribution (Box–Muller over a grid), as bf16. */
function normalTable(): Uint16Array {
  const draws = new Float32Array(65_536);
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let at = 0; at < draws.length; at++) {
    const radius = Math.sqrt(-2 * Math.log((at + 0.5) / draws.length));
    draws[at] = 0.02 * radius * Math.cos(2 * Math.PI * ((at * golden) % 1));
  }
  const words = new Uint32Array(draws.buffer);
  return Uint16Array.from(words, (word) => word >>> 16);
}
