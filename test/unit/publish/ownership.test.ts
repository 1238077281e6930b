import { beforeEach, describe, expect, it } from 'vitest';
import { immutableConflicts } from '../../../src/publish/immutable-conflicts.ts';
import { ownershipRefusal, readOwnership, writeMarker } from '../../../src/publish/ownership.ts';
import {
  immutableTag,
  type MemoryPublishTarget,
  MemoryRegistries,
  movingTag,
  ours,
  pushImage,
} from '../../support/publish/memory-publisher.ts';

const REPOSITORY = 'one.test/acme/hf-tiny';
const MINE = '1/models.yaml';
const { signal } = new AbortController();

let target: MemoryPublishTarget;
beforeEach(() => {
  target = new MemoryRegistries().open(REPOSITORY);
});

const tag = async (name: string, annotations?: Record<string, string>) =>
  target.tag(name, await target.manifest(await pushImage(target, name, annotations)));
const refusal = async () => ownershipRefusal(REPOSITORY, await readOwnership(target, MINE, signal));

describe('whose a repository is', () => {
  it('is nobody’s while it is empty but for previews and what lies beside digests', async () => {
    expect(await readOwnership(target, MINE, signal)).toEqual({ state: 'unclaimed-empty' });
    await tag('pr-7-slim');
    await tag(`sha256-${'a'.repeat(64)}`);
    expect(await readOwnership(target, MINE, signal)).toEqual({ state: 'unclaimed-empty' });
    expect(await refusal()).toBeNull();
  });

  it('is the marker’s, and the marker is the same bytes whenever it is written', async () => {
    await writeMarker(target, MINE, signal);
    const { digest } = await target.manifest('publisher-owner');
    await writeMarker(target, MINE, signal);
    expect((await target.manifest('publisher-owner')).digest).toBe(digest);
    await tag('v1-slim');
    expect(await readOwnership(target, MINE, signal)).toEqual({ state: 'ours' });
    expect(await readOwnership(target, '2/models.yaml', signal)).toEqual({ state: 'other', who: MINE });
  });

  it('is refused to another catalog, and where content has no marker, with the way out', async () => {
    await tag('v1-slim');
    expect(await refusal()).toMatch(/already holds images \(v1-slim\).*\/adopt.*--catalog-id/);
    await writeMarker(target, '2/models.yaml', signal);
    expect(await refusal()).toMatch(/belongs to catalog 2\/models\.yaml.*\/adopt/);
    await writeMarker(target, MINE, signal);
    expect(await refusal()).toBeNull();
  });

  it('is somebody else’s where the marker is something that is no marker', async () => {
    await tag('publisher-owner');
    expect(await readOwnership(target, MINE, signal)).toEqual({ state: 'other', who: null });
  });

  it('takes two requests to find out, of which one is the marker’s', async () => {
    await writeMarker(target, MINE, signal);
    target.calls.length = 0;
    await readOwnership(target, MINE, signal);
    expect(target.calls).toEqual(['manifest publisher-owner']);
  });
});

describe('an immutable tag', () => {
  const places = [
    {
      repository: REPOSITORY,
      aliasOf: null,
      tags: [immutableTag('v1-slim'), movingTag('latest'), immutableTag('iabc-slim', 'i{inputs}-{variant}')],
    },
  ];
  const inputs = ours('new')['io.model-image-publisher.inputs'] ?? '';
  const conflicts = () => immutableConflicts(places, inputs, () => target, signal);

  it('that is free, or names the same inputs, stands in nobody’s way', async () => {
    expect(await conflicts()).toEqual([]);
    await tag('v1-slim', ours('new'));
    await tag('latest', ours('old'));
    expect(await conflicts()).toEqual([]);
  });

  it('that names other inputs, or no image of ours, is a conflict', async () => {
    await tag('v1-slim', ours('old'));
    expect(await conflicts()).toMatchObject([{ repository: REPOSITORY, tag: 'v1-slim', action: 'conflict' }]);
    await tag('v1-slim', {});
    expect(await conflicts()).toHaveLength(1);
  });
});
