import { PublisherError } from '../../errors.ts';
import type { FactsResult } from '../../huggingface/types.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { targetName } from '../../report/target-name.ts';
import { CATALOG_FLAG, type Command, OWNER_FLAG } from '../command.ts';
import { type Evidence, evidenceLines, evidenceOf } from '../explain.ts';
import { PLAN_BASE_PATIENCE_MS, planFor, preparePlanning } from '../plan-context.ts';
import { exitOf, whyLines } from './plan.ts';

/** `{evidence, targets:[{runtime, variant, action, reasons, warnings}]}`; exit codes as `plan`. */
export const explain: Command = {
  name: 'explain',
  summary: 'show the evidence behind the decision on one model, with what was read on the Hub',
  positionals: ['SHORT'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details: 'Exit codes: 3 when the Hub did not answer, else 1 when a target fails, else 0.',
  async run(context) {
    const [short = ''] = context.arguments.positionals;
    const planning = await preparePlanning(context);
    const model = planning.catalog.models.find((candidate) => candidate.short === short);
    let facts: FactsResult | null = null;
    const { targets } = await planFor(
      planning,
      {
        only: short,
        experimental: context.arguments.given('experimental'),
        basePatienceMs: PLAN_BASE_PATIENCE_MS,
        onFacts: (_, answer) => {
          facts = answer;
        },
      },
      context,
    );
    if (model === undefined) throw new PublisherError('usage', `The catalog has no model \`${short}\`.`);
    const evidence = evidenceIn(facts, (found) => evidenceOf(model, found, planning.catalog.settings));
    const document = {
      evidence,
      targets: targets.map(({ runtime, variant, action, reasons, warnings }) => ({
        runtime,
        variant,
        action,
        reasons,
        warnings,
      })),
    };
    context.output.result(document, [
      ...(evidence === null ? [`${short}: nothing is known of ${model.id}`] : evidenceLines(evidence)),
      ...decisions(targets),
      ...(evidence === null
        ? []
        : ['Read on the Hub', ...evidence.sources.map(({ url, what }) => `    ${what}: ${url}`)]),
    ]);
    return exitOf(targets);
  },
};

function evidenceIn(
  facts: FactsResult | null,
  make: (facts: Extract<FactsResult, { kind: 'found' }>['facts']) => Evidence,
): Evidence | null {
  return facts?.kind === 'found' ? make(facts.facts) : null;
}

function decisions(targets: PlannedTarget[]): string[] {
  return targets.flatMap((target) => [`${targetName(target, targets)}: ${target.action}`, ...whyLines(target)]);
}
