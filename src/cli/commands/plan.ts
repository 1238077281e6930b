import type { ExitCode } from '../../errors.ts';
import type { Plan, PlannedTarget } from '../../plan/types.ts';
import { failTaken } from '../../publish/fail-taken.ts';
import { parseReference } from '../../registry/reference.ts';
import { formatBytes, plural } from '../../report/numbers.ts';
import { targetName } from '../../report/target-name.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { loadCatalog } from '../load-catalog.ts';
import {
  gitFields,
  PLAN_BASE_PATIENCE_MS,
  type Planning,
  planFor,
  preparePlanning,
  shownTarget,
  suffixOf,
  usable,
} from '../plan-context.ts';
import { showProgress } from '../progress-display.ts';

/** `{targets:[…], warnings, diff}`; 3 if any target is `hub-unavailable`, else 1 if any is `fail`. */
export const plan: Command = {
  name: 'plan',
  summary: 'decide slim or slim + fat for every model, with reasons',
  positionals: [],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    base: { type: 'string', placeholder: 'FILE', description: 'an older catalog: plan only what differs from it' },
    model: { type: 'string', placeholder: 'SHORT', description: 'only this model' },
    experimental: { type: 'boolean', description: 'experimental runtimes too' },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details: 'Exit codes: 3 when the Hub did not answer for a target, else 1 when a target fails, else 0.',
  async run(context) {
    const { arguments: given, output } = context;
    const basePath = given.text('base');
    const base = basePath === undefined ? undefined : usable(await loadCatalog(basePath), basePath);
    const planning = await preparePlanning(context);
    const { clock, hubRequests } = planning.services;
    const note = () => plural(hubRequests(), 'request');
    const progress = showProgress({ label: 'plan', unit: 'models', output, clock, note });
    const planned = await planFor(
      planning,
      {
        base,
        only: given.text('model'),
        experimental: given.given('experimental'),
        basePatienceMs: PLAN_BASE_PATIENCE_MS,
        onModel: progress.update,
      },
      context,
    ).finally(progress.end);
    const result = { ...planned, targets: await withoutTaken(planned.targets, planning, context) };
    const document = { targets: result.targets.map(shownTarget), warnings: result.warnings, diff: result.diff };
    output.result(document, describe(result));
    return exitOf(result.targets);
  },
};

/** Immutable tags that name other images are found now rather than when something was built. */
function withoutTaken(
  targets: PlannedTarget[],
  { catalog, services, owner, git }: Planning,
  { signal }: CommandContext,
) {
  return failTaken(targets, {
    catalog,
    context: { owner, namespaceSuffix: suffixOf(git), publishAllow: services.publishAllow },
    fields: gitFields(git),
    open: (repository) => services.target(parseReference(repository), owner),
    patienceMs: PLAN_BASE_PATIENCE_MS,
    signal,
  });
}

export function exitOf(targets: PlannedTarget[]): ExitCode {
  const unavailable = targets.some(({ reasons }) => reasons.some(({ code }) => code === 'hub-unavailable'));
  if (unavailable) return 3;
  return targets.some(({ action }) => action === 'fail') ? 1 : 0;
}

function describe({ targets, warnings }: Plan): string[] {
  const lines = targets.flatMap((target) => {
    const size = target.bytes === null ? '' : `, ${formatBytes(target.bytes)}`;
    const license = target.license.spdx ?? target.license.declared ?? 'no licence';
    return [
      `${targetName(target, targets)}: ${target.action} (${license}${size}${target.revision === null ? '' : `, ${target.revision.slice(0, 7)}`})`,
      ...(target.tags.length > 0 ? [`    ${target.repository ?? 'no registry'}: ${target.tags.join(', ')}`] : []),
      ...whyLines(target),
    ];
  });
  const told = [...lines, ...warnings.map((warning) => `warning: ${warning}`)];
  return told.length === 0 ? ['Nothing to plan.'] : told;
}

/** A target's reasons and warnings, indented. */
export function whyLines({ reasons, warnings }: PlannedTarget): string[] {
  return [
    ...reasons.map(({ code, message }) => `    ${code}: ${message}`),
    ...warnings.map((warning) => `    warning: ${warning}`),
  ];
}
