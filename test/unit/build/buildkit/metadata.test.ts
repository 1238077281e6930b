import { describe, expect, it } from 'vitest';
import { parseMetadata } from '../../../../src/build/buildkit/metadata.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('the metadata file of buildx', () => {
  it('names the manifest', () => {
    const text = JSON.stringify({ 'containerimage.digest': DIGEST, 'buildx.build.ref': 'default/default/x' });
    expect(parseMetadata(text)).toBe(DIGEST);
  });

  it.each(['', '{', 'null', '{}', '{"containerimage.digest": "latest"}', '{"containerimage.digest": 1}'])(
    'that is %j is refused',
    (text) => {
      expect(() => parseMetadata(text)).toThrow(expect.objectContaining({ code: 'environment' }));
    },
  );
});
