import { denies, fails, type Rule } from '../reason.ts';

/** Whether the model can be read by anybody at all. Everything but a plain yes fails both variants. */
export const availability: Rule = ({ id, facts }) => {
  switch (facts.kind) {
    case 'found':
      // Only a granted account gets facts of a private model at all.
      return facts.facts.private
        ? [denies('private', `${id} is private on the Hub, so its weights are not put into an image: slim only.`)]
        : [];
    case 'private':
      return [fails('private', privateModel(id))];
    case 'not-found':
      return [
        fails(
          'not-found',
          `The Hub has no public ${id} at this revision: check \`id\` and \`revision\` (${facts.message}).`,
        ),
      ];
    case 'disabled':
      return [fails('disabled', `The Hub has taken ${id} down: choose another model (${facts.message}).`)];
    case 'unavailable':
      return [
        fails(
          'hub-unavailable',
          `The Hub did not answer for ${id}, so nothing is decided: try again later (${facts.message}).`,
        ),
      ];
  }
};

function privateModel(id: string): string {
  return `${id} is private on the Hub: only public models are published.`;
}
