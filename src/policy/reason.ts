import type { HubFile, ModelFacts } from '../huggingface/types.ts';
import type { FileChoice, PolicyInput, Reason, ReasonCode } from './types.ts';

/** One rule of the decision table: what it has to say about a model, possibly nothing. Rules know nothing of each other. */
export type Rule = (input: PolicyInput) => Reason[];

export const allows = (code: ReasonCode, message: string): Reason => ({ code, effect: 'allows', message });
export const warns = (code: ReasonCode, message: string): Reason => ({ code, effect: 'warns', message });
export const denies = (code: ReasonCode, message: string): Reason => ({ code, effect: 'denies-fat', message });
export const fails = (code: ReasonCode, message: string): Reason => ({ code, effect: 'fails', message });

/** The facts, where there are any. Without them only the rule of availability speaks, and it fails everything. */
export function factsOf(input: PolicyInput): ModelFacts | null {
  return input.facts.kind === 'found' ? input.facts.facts : null;
}

/** The files an image would hold. */
export function chosenFiles(facts: ModelFacts, choice: FileChoice | null): HubFile[] {
  const paths = new Set(choice?.paths ?? []);
  return facts.files.filter(({ path }) => paths.has(path));
}
