import { describe, expect, it } from 'vitest';
import { immutableTags, mirrorRequests } from '../../../../src/publish/mirror/wanted.ts';
import { digestOf } from '../../../../src/registry/digest.ts';

describe('a tag read from a registry', () => {
  const isImmutable = immutableTags({
    tags: [
      { template: '{base_version}-{variant}', immutable: false },
      { template: 'v1.0+r{revision}', immutable: true },
    ],
    inputsTag: true,
  });

  it.each(['v1.0_rabc', 'i0123456789ab-slim', 'i0123456789ab-cuda-fat'])('%s is taken for immutable', (tag) => {
    expect(isImmutable(tag)).toBe(true);
  });

  it.each(['v1x0_rabc', '1.2-slim', 'latest', 'v1.0_r'])('%s may move', (tag) => {
    expect(isImmutable(tag)).toBe(false);
  });

  it('may move where immutable tags are switched off', () => {
    expect(immutableTags({ tags: [], inputsTag: false })('i0123456789ab-slim')).toBe(false);
  });
});

it('every image goes to every place', () => {
  const image = (text: string) => ({ digest: digestOf(Buffer.from(text)), model: 'a/b', tags: [] });
  const place = (target: string) => ({ source: 's.test/x', target, near: [] });
  const requests = mirrorRequests([image('slim'), image('fat')], [place('m.test/x'), place('m.test/y')]);
  expect(requests.map(({ target, digest }) => [target, digest])).toEqual([
    ['m.test/x', image('slim').digest],
    ['m.test/x', image('fat').digest],
    ['m.test/y', image('slim').digest],
    ['m.test/y', image('fat').digest],
  ]);
});
