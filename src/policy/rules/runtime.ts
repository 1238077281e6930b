import { factsOf, fails, type Rule } from '../reason.ts';

/** Whether the engine can load what was chosen. Nothing chosen is an answer too: no. */
export const runtime: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const { choice, engine } = input;
  if (choice?.incompatible != null) return [fails('runtime-incompatible', choice.incompatible)];
  if (choice === null || choice.paths.length === 0) {
    return [fails('runtime-incompatible', `No files were found that ${engine} could load: choose another runtime.`)];
  }
  const listed = new Set(facts.files.map(({ path }) => path));
  if (choice.paths.every((path) => listed.has(path))) return [];
  return [fails('runtime-incompatible', 'Chosen files are missing at this revision: plan the model again.')];
};
