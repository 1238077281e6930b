import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileMemory } from '../../../src/build/file-memory.ts';
import { digestOf } from '../../../src/registry/digest.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const A = { digest: digestOf(Buffer.from('a')), size: 1 };
const B = { digest: digestOf(Buffer.from('b')), size: 2 };

it('remembers for itself and for whoever comes later, or is there beside it', async () => {
  const path = join(folder, 'deep', 'layers.jsonl');
  const one = fileMemory(path);
  const other = fileMemory(path);
  expect(await one.find('k', 'p')).toBeNull();
  expect(await other.find('k', 'p')).toBeNull();
  await one.remember('k', 'p', A);
  await one.notePlaces(A.digest, ['x/1']);
  await other.notePlaces(A.digest, ['x/2', 'oci:folder']);
  for (const memory of [one, other, fileMemory(path)]) {
    expect(await memory.find('k', 'p')).toEqual(A);
    expect(await memory.find('k', 'q')).toBeNull();
    expect(await memory.places(A.digest)).toEqual(['x/2', 'x/1']);
    expect(await memory.places(B.digest)).toEqual([]);
  }
});

it('writes nothing it knows already, and never another digest for the same layer', async () => {
  const path = join(folder, 'layers.jsonl');
  const memory = fileMemory(path);
  await memory.remember('k', 'p', A);
  await memory.notePlaces(A.digest, ['x/1']);
  const before = await readFile(path, 'utf8');
  await memory.remember('k', 'p', A);
  await memory.notePlaces(A.digest, ['x/1']);
  expect(await readFile(path, 'utf8')).toBe(before);
  await expect(memory.remember('k', 'p', B)).rejects.toMatchObject({ code: 'internal' });
});

it('passes over half a line of a killed process and whatever else makes no sense', async () => {
  const path = join(folder, 'layers.jsonl');
  await fileMemory(path).remember('k', 'p', A);
  await appendFile(path, '{"format":3,"key":"torn","pa');
  await fileMemory(path).remember('l', 'p', B);
  await appendFile(path, '\nnull\n{"digest":"sha256:x","places":[]}\n[]\n');
  const memory = fileMemory(path);
  expect(await memory.find('k', 'p')).toEqual(A);
  expect(await memory.find('l', 'p')).toEqual(B);
});

it('says which file cannot be used', async () => {
  await writeFile(join(folder, 'file'), '');
  const path = join(folder, 'file', 'layers.jsonl');
  await expect(fileMemory(path).remember('k', 'p', A)).rejects.toMatchObject({ code: 'environment' });
  await expect(fileMemory(folder).find('k', 'p')).rejects.toMatchObject({ code: 'environment' });
});

it('keeps the hashes of shards, which nobody else knows', async () => {
  const path = join(folder, 'layers.jsonl');
  const files = [{ path: 'model-00001-of-00002.safetensors', sha256: 'c'.repeat(64) }];
  await fileMemory(path).remember('k', 'p', { ...A, files });
  expect(await fileMemory(path).find('k', 'p')).toEqual({ ...A, files });
});
