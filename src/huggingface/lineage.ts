import type { Ancestor, ParentAnswer } from './types.ts';

/** Generations. Real families have three or four. */
export const MAX_GENERATIONS = 8;
/** Bounds the requests that one hostile card can cause. */
export const MAX_ANCESTORS = 32;

/**
 * Walks from a model to everything it descends from, nearest first: each ancestor once, whatever circles the cards describe. Where the walk
 * has to stop early, an `unknown` answer says so, since what was not looked at must not count as harmless.
 *
 * @param ask what the Hub says of one repository; throws only when cancelled
 */
export async function walkLineage(
  model: string,
  parents: readonly string[],
  ask: (id: string) => Promise<ParentAnswer>,
): Promise<Ancestor[]> {
  const seen = new Set([key(model)]);
  const found: Ancestor[] = [];
  let generation = unseen(parents, [], seen);
  for (let depth = 1; generation.length > 0; depth += 1) {
    const left = MAX_ANCESTORS - found.length;
    const asked = depth > MAX_GENERATIONS ? [] : generation.slice(0, left);
    const answers = await Promise.all(asked.map(async (path) => ({ path, answer: await ask(last(path)) })));
    found.push(...answers.map(({ path, answer }) => ({ id: last(path), path, answer: withoutParents(answer) })));
    const [skipped] = generation.slice(asked.length);
    if (skipped !== undefined) {
      const most = depth > MAX_GENERATIONS ? `${MAX_GENERATIONS} generations` : `${MAX_ANCESTORS} ancestors`;
      found.push({ id: last(skipped), path: skipped, answer: { kind: 'unknown', message: `more than ${most} up` } });
      return found;
    }
    generation = answers.flatMap(({ path, answer }) => {
      if (answer.kind === 'unknown') return [];
      // A renamed repository is the same one under both names.
      seen.add(key(answer.id));
      return unseen(answer.baseModels, path, seen);
    });
  }
  return found;
}

function unseen(ids: readonly string[], path: string[], seen: Set<string>): string[][] {
  return ids.flatMap((id) => {
    if (seen.has(key(id))) return [];
    seen.add(key(id));
    return [[...path, id]];
  });
}

function withoutParents(answer: ParentAnswer): Ancestor['answer'] {
  if (answer.kind === 'unknown') return answer;
  return { kind: 'read', revision: answer.revision, license: answer.license };
}

function last(path: readonly string[]): string {
  return path.at(-1) ?? '';
}

/** The Hub finds repositories in any case. */
function key(id: string): string {
  return id.toLowerCase();
}
