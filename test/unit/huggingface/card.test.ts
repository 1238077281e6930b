import { describe, expect, it } from 'vitest';
import { baseModelsOf, declaredLicense } from '../../../src/huggingface/card.ts';

describe('declaredLicense', () => {
  it.each([
    ['a string', { license: 'mit' }, [], ['mit']],
    ['a list', { license: ['mit', 'apache-2.0', 'mit'] }, [], ['mit', 'apache-2.0']],
    ['nothing but tags', {}, ['x', 'license:llama3.1'], ['llama3.1']],
    ['an empty string and a tag', { license: ' ' }, ['license:gpl'], ['gpl']],
    ['a card that contradicts the tags', { license: 'other' }, ['license:mit'], ['other']],
    ['something that is no text', { license: ['mit', { a: 1 }] }, [], ['mit', '{"a":1}']],
    ['nothing', { license: null }, [], []],
  ])('reads %s', (_case, cardData, tags, ids) => {
    expect(declaredLicense(cardData, tags).ids).toEqual(ids);
  });

  it('keeps name and link of another licence', () => {
    const cardData = { license: 'other', license_name: 'llama4', license_link: 'LICENSE' };
    expect(declaredLicense(cardData, [])).toEqual({ ids: ['other'], name: 'llama4', link: 'LICENSE' });
  });
});

describe('baseModelsOf', () => {
  it('unites what the card and the Hub name', () => {
    const expanded = { relation: 'quantized', models: [{ _id: '1', id: 'b/two' }, { id: 'a/one' }] };
    expect(baseModelsOf({ base_model: ['c/three', 'b/two'] }, expanded)).toEqual(['a/one', 'b/two', 'c/three']);
    expect(baseModelsOf({ base_model: 'a/one' }, undefined)).toEqual(['a/one']);
  });

  it('leaves out what is no repository', () => {
    expect(baseModelsOf({ base_model: ['./out', '/home/me/model', 7, 'a/b/c', 'https://x/y'] }, 'nonsense')).toEqual(
      [],
    );
  });
});
