import { describe, expect, it } from 'vitest';
import { entrypointLayer, licenseLayer } from '../../../src/build/own-layers.ts';
import { parseFileList } from '../../../src/image/file-list.ts';
import { sha256Hex } from '../../../src/image/hash.ts';
import { imageInputs } from '../../support/image/inputs.ts';
import { readTar } from '../../support/image/read-tar.ts';
import { hubFile } from '../../support/policy/input.ts';

const SCRIPT = Buffer.from('#!/bin/sh\n');
const FILES = [hubFile('config.json'), hubFile('model.safetensors', { sha256: 'b'.repeat(64) })];

async function entriesOf(layer: { open(signal: AbortSignal): AsyncIterable<Uint8Array> }) {
  return readTar(Buffer.concat(await Array.fromAsync(layer.open(new AbortController().signal))));
}

const textOf = (entries: Awaited<ReturnType<typeof entriesOf>>, path: string) =>
  entries.find((entry) => entry.path === path)?.content.toString();

describe('the entrypoint layer', () => {
  it('holds the script, what it reads, and the folder for models', async () => {
    const entries = await entriesOf(entrypointLayer(imageInputs(), FILES, SCRIPT));
    expect(entries.map(({ path, mode }) => [path, mode.toString(8)])).toEqual([
      ['etc/model-image/', '755'],
      ['etc/model-image/files.json', '644'],
      ['etc/model-image/image.conf', '644'],
      ['etc/model-image/serve-args', '644'],
      ['models/', '1777'],
      ['usr/local/bin/model-image-entrypoint', '755'],
    ]);
    expect(textOf(entries, 'usr/local/bin/model-image-entrypoint')).toBe('#!/bin/sh\n');
    expect(textOf(entries, 'etc/model-image/serve-args')).toBe('--host\n0.0.0.0\n');
  });

  it('lets any user write where a slim image downloads, and nobody but root where a fat one has its weights', async () => {
    for (const [variant, mode] of [
      ['slim', '1777'],
      ['fat', '755'],
    ] as const) {
      const entries = await entriesOf(entrypointLayer(imageInputs({ variant }), FILES, SCRIPT));
      expect(entries.find(({ path }) => path === 'models/')?.mode.toString(8)).toBe(mode);
    }
  });

  it('binds the list of files into image.conf', async () => {
    const entries = await entriesOf(entrypointLayer(imageInputs(), FILES, SCRIPT));
    const list = textOf(entries, 'etc/model-image/files.json') ?? '';
    expect(parseFileList(list).files.map(({ path }) => path)).toEqual(['config.json', 'model.safetensors']);
    expect(textOf(entries, 'etc/model-image/image.conf')).toContain(`\nlist=${sha256Hex(list)}\n`);
  });

  it('does not depend on the order of files', () => {
    const layer = entrypointLayer(imageInputs(), FILES, SCRIPT);
    expect(entrypointLayer(imageInputs(), [...FILES].reverse(), SCRIPT).digest).toBe(layer.digest);
  });
});

describe('the licence layer', () => {
  it('has a directory for each folder and files that all may read', async () => {
    const files = ['/licenses/CC0', '/licenses/model/LICENSE', '/licenses/model/third/NOTICE'].map((path) => ({
      path,
      content: Buffer.from(path),
    }));
    const entries = await entriesOf(licenseLayer(files));
    expect(entries.map(({ path, mode }) => [path, mode.toString(8)])).toEqual([
      ['licenses/', '755'],
      ['licenses/CC0', '644'],
      ['licenses/model/', '755'],
      ['licenses/model/LICENSE', '644'],
      ['licenses/model/third/', '755'],
      ['licenses/model/third/NOTICE', '644'],
    ]);
    expect(licenseLayer([...files].reverse()).digest).toBe(licenseLayer(files).digest);
  });
});
