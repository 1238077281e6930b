import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_ANCESTORS, MAX_GENERATIONS, walkLineage } from '../../../src/huggingface/lineage.ts';
import type { ParentAnswer } from '../../../src/huggingface/types.ts';

const family = (parents: Record<string, string[]>, names: Record<string, string> = {}) => {
  const asked: string[] = [];
  const ask = async (id: string): Promise<ParentAnswer> => {
    asked.push(id);
    const baseModels = parents[id];
    if (baseModels === undefined) return { kind: 'unknown', message: 'gone' };
    const license = { ids: ['mit'], name: null, link: null };
    return { kind: 'read', id: names[id] ?? id, revision: '0'.repeat(40), license, baseModels, chatTemplate: null };
  };
  return { asked, ask };
};
const paths = (found: { path: string[] }[]) => found.map(({ path }) => path.join('<'));

describe('walkLineage', () => {
  it('finds everything upstream, nearest first, each once', async () => {
    const { ask, asked } = family({ a: ['c'], b: ['c', 'd'], c: ['e'], d: [], e: [] });
    expect(paths(await walkLineage('m', ['a', 'b'], ask))).toEqual(['a', 'b', 'a<c', 'b<d', 'a<c<e']);
    expect(asked).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('is not led in circles, in any case and under any name', async () => {
    const { ask, asked } = family({ a: ['M', 'B'], B: ['A', 'new'], old: ['b'] }, { B: 'b' });
    expect(paths(await walkLineage('m', ['a'], ask))).toEqual(['a', 'a<B', 'a<B<new']);
    expect(asked).toEqual(['a', 'B', 'new']);
  });

  it('keeps an ancestor of which nothing is known', async () => {
    const { ask } = family({ a: ['gone'] });
    expect(await walkLineage('m', ['a'], ask)).toMatchObject([
      { id: 'a', answer: { kind: 'read' } },
      { id: 'gone', path: ['a', 'gone'], answer: { kind: 'unknown', message: 'gone' } },
    ]);
  });

  it('says where it stopped: what was not looked at is not harmless', async () => {
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`g${at}`, [`g${at + 1}`]]));
    const deep = await walkLineage('m', ['g0'], family(chain).ask);
    expect(deep).toHaveLength(MAX_GENERATIONS + 1);
    expect(deep.at(-1)?.answer).toEqual({ kind: 'unknown', message: `more than ${MAX_GENERATIONS} generations up` });

    const wide = Array.from({ length: 100 }, (_, at) => `w${at}`);
    const { ask, asked } = family(Object.fromEntries(wide.map((id) => [id, []])));
    const found = await walkLineage('m', wide, ask);
    expect(asked).toHaveLength(MAX_ANCESTORS);
    expect(found.at(-1)?.answer).toEqual({ kind: 'unknown', message: `more than ${MAX_ANCESTORS} ancestors up` });
  });

  it('ends whatever the cards say, asking about each name once', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'm');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.array(name)), fc.array(name), async (parents, first) => {
        const { ask, asked } = family(parents);
        await walkLineage('m', first, ask);
        expect(new Set(asked).size).toBe(asked.length);
        expect(asked).not.toContain('m');
      }),
    );
  });
});
