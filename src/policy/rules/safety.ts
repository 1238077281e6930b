import type { SecurityStatus } from '../../huggingface/types.ts';
import { quoteSome } from '../quote.ts';
import { chosenFiles, denies, factsOf, type Rule, warns } from '../reason.ts';
import type { PolicyInput, Reason } from '../types.ts';

const FLAGGED: ReadonlySet<SecurityStatus> = new Set(['unsafe', 'suspicious']);
/** Verdicts that are no clean bill, but no accusation either. */
const UNCLEAR: readonly SecurityStatus[] = ['caution', 'queued', 'unscanned', 'error'];
const PICKLE = /\.(?:bin|pt|pth|ckpt|pkl)$/i;

/** The Hub's scanners on the files we would embed. A file they say nothing about is in the facts' `notChecked`. */
export const scannerVerdicts: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const chosen = chosenFiles(facts, input.choice);
  const flagged = chosen.filter(({ security }) => security !== null && FLAGGED.has(security));
  const reasons: Reason[] = [];
  if (flagged.length > 0) {
    const names = quoteSome(flagged.map(({ path }) => path));
    reasons.push(
      denies(
        'unsafe-files',
        `The Hub's scanners flag ${names}: leave it out with \`files.exclude\` or choose another revision.`,
      ),
    );
  }
  for (const status of UNCLEAR) {
    const names = chosen.filter(({ security }) => security === status).map(({ path }) => path);
    if (names.length > 0) reasons.push(uncleared(input, status, names));
  }
  const silent = chosen.filter(({ security }) => security === null).map(({ path }) => path);
  if (input.unscanned === 'deny' && silent.length > 0) reasons.push(uncleared(input, 'nothing', silent));
  return reasons;
};

/** Not cleared (yet): reported, or denied where the catalog says `safety.unscanned: deny`. */
function uncleared({ unscanned }: PolicyInput, status: SecurityStatus | 'nothing', names: string[]): Reason {
  const found = `The Hub's scanners say "${status}" of ${quoteSome(names)}: look at them on the Hub`;
  return unscanned === 'deny'
    ? denies('unsafe-files', `${found}, or wait until they are cleared (\`safety.unscanned: deny\`).`)
    : warns('unsafe-files', `${found}.`);
}

/** Pickles are chosen only when nothing safer exists; that is worth saying. */
export const pickles: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const names = chosenFiles(facts, input.choice).flatMap(({ path }) => (PICKLE.test(path) ? [path] : []));
  if (names.length === 0) return [];
  return [
    warns(
      'unsafe-files',
      `The weights are pickles, which can run code while they load (${quoteSome(names)}): prefer a revision with safetensors.`,
    ),
  ];
};

/** Code that runs when the model loads: another repository's is not pinned to anything, the model's own is. */
export const remoteCode: Rule = (input) => {
  const facts = factsOf(input);
  if (facts === null) return [];
  const foreign = facts.remoteCode.filter(({ repository }) => repository !== null);
  const own = facts.remoteCode.filter(({ repository }) => repository === null);
  const reasons: Reason[] = [];
  if (foreign.length > 0) {
    const repositories = quoteSome([...new Set(foreign.flatMap(({ repository }) => repository ?? []))]);
    const files = quoteSome([...new Set(foreign.map(({ file }) => file))]);
    reasons.push(
      denies(
        'remote-code',
        `${files} loads code from ${repositories}, which no revision pins: use a model that brings its own code.`,
      ),
    );
  }
  if (own.length > 0) {
    const files = quoteSome([...new Set(own.map(({ file }) => file))]);
    reasons.push(
      warns('remote-code', `Loading this model runs code of its repository (${files}): read it before you trust it.`),
    );
  }
  return reasons;
};
