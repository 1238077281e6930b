import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Buckets within buckets, with JSON at the ends: what Trivy's vulnerability database is. */
export interface Bucket {
  [key: string]: Bucket | Leaf;
}
/** A value of a bucket, kept as JSON. */
export class Leaf {
  readonly json: string;
  constructor(value: unknown) {
    this.json = JSON.stringify(value);
  }
}

const UPDATED = '2026-11-20T12:00:00Z';

/** Puts a vulnerability database where Trivy looks for it in its cache folder; it is never out of date. */
export async function writeTrivyDatabase(
  cacheDir: string,
  content: Bucket,
): Promise<{ version: number; updatedAt: string }> {
  const folder = join(cacheDir, 'db');
  await mkdir(folder, { recursive: true });
  const metadata = { Version: 2, NextUpdate: '2099-01-01T00:00:00Z', UpdatedAt: UPDATED, DownloadedAt: UPDATED };
  await writeFile(join(folder, 'metadata.json'), JSON.stringify(metadata));
  await writeFile(join(folder, 'trivy.db'), boltFile(content));
  return { version: metadata.Version, updatedAt: UPDATED };
}

/** A package of Debian 12 with one flaw, and one of Python's, as Trivy's own database has them. */
export const SAMPLE_DATABASE: Bucket = {
  'data-source': {
    'debian 12': new Leaf({ ID: 'debian', Name: 'Debian Security Tracker', URL: 'https://salsa.debian.org/' }),
    'pip::GitHub Security Advisory Pip': new Leaf({
      ID: 'ghsa',
      Name: 'GitHub Security Advisory Pip',
      URL: 'https://github.com/advisories',
    }),
  },
  'debian 12': {
    'tiny-ssl': { 'CVE-2026-1000': new Leaf({ FixedVersion: '2.0-1' }), 'CVE-2026-1001': new Leaf({}) },
  },
  'pip::GitHub Security Advisory Pip': {
    'tiny-py': { 'CVE-2026-2000': new Leaf({ PatchedVersions: ['1.5.0'], VulnerableVersions: ['<1.5.0'] }) },
  },
  vulnerability: {
    'CVE-2026-1000': new Leaf({ Title: 'tiny-ssl: reads too far', Severity: 'CRITICAL', VendorSeverity: { nvd: 4 } }),
    'CVE-2026-1001': new Leaf({ Title: 'tiny-ssl: is slow', Severity: 'LOW', VendorSeverity: { nvd: 1 } }),
    'CVE-2026-2000': new Leaf({ Title: 'tiny-py: runs too much', Severity: 'HIGH', VendorSeverity: { ghsa: 3 } }),
  },
};

const PAGE = 4096;
const HEADER = 16;
const IS_BUCKET = 1;
const LEAF_PAGE = 0x02;

/**
 * A bbolt file (go.etcd.io/bbolt, format version 2) of two meta pages, an empty free list, and one leaf that holds the
 * root bucket with every other bucket inline in it.
 */
function boltFile(content: Bucket): Buffer {
  const elements = leafElements(content);
  const pages = Math.ceil((HEADER + elements.body.length) / PAGE);
  const root = Buffer.concat([pageHeader(3, LEAF_PAGE, elements.count, pages - 1), elements.body], pages * PAGE);
  const freelist = Buffer.concat([pageHeader(2, 0x10, 0, 0)], PAGE);
  return Buffer.concat([meta(0, 3 + pages), meta(1, 3 + pages), freelist, root]);
}

function leafElements(bucket: Bucket): { count: number; body: Buffer } {
  // bbolt searches by halves: keys lie in the order of their bytes.
  const entries = Object.entries(bucket).map(([key, value]) => ({ key: Buffer.from(key), value }));
  entries.sort((a, b) => a.key.compare(b.key));
  const heads = Buffer.alloc(entries.length * HEADER);
  const data: Buffer[] = [];
  let at = heads.length;
  entries.forEach(({ key, value }, index) => {
    const bytes = value instanceof Leaf ? Buffer.from(value.json) : inlineBucket(value);
    const head = index * HEADER;
    heads.writeUInt32LE(value instanceof Leaf ? 0 : IS_BUCKET, head);
    heads.writeUInt32LE(at - head, head + 4);
    heads.writeUInt32LE(key.length, head + 8);
    heads.writeUInt32LE(bytes.length, head + 12);
    data.push(key, bytes);
    at += key.length + bytes.length;
  });
  return { count: entries.length, body: Buffer.concat([heads, ...data]) };
}

function inlineBucket(bucket: Bucket): Buffer {
  const { count, body } = leafElements(bucket);
  // Root page 0 means that the page follows here.
  return Buffer.concat([Buffer.alloc(16), pageHeader(0, LEAF_PAGE, count, 0), body]);
}

function pageHeader(id: number, flags: number, count: number, overflow: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeBigUInt64LE(BigInt(id), 0);
  header.writeUInt16LE(flags, 8);
  header.writeUInt16LE(count, 10);
  header.writeUInt32LE(overflow, 12);
  return header;
}

function meta(transaction: number, highWater: number): Buffer {
  const fields = Buffer.alloc(64);
  fields.writeUInt32LE(0xed0cdaed, 0);
  fields.writeUInt32LE(2, 4);
  fields.writeUInt32LE(PAGE, 8);
  fields.writeBigUInt64LE(3n, 16); // root bucket
  fields.writeBigUInt64LE(2n, 32); // free list
  fields.writeBigUInt64LE(BigInt(highWater), 40);
  fields.writeBigUInt64LE(BigInt(transaction), 48);
  fields.writeBigUInt64LE(fnv64a(fields.subarray(0, 56)), 56);
  return Buffer.concat([pageHeader(transaction, 0x04, 0, 0), fields], PAGE);
}

function fnv64a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
