import type { BuiltImage } from '../../build/types.ts';
import { PublisherError } from '../../errors.ts';
import type { PlannedTarget } from '../../plan/types.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';
import { standing } from '../../report/verdict.ts';
import { gate } from '../../scan/gate.ts';
import { createScanner, type Scanner } from '../../scan/scanner.ts';
import type { GateResult, ScanResult } from '../../scan/types.ts';
import type { CommandContext } from '../command.ts';
import type { Planning } from '../plan-context.ts';

export interface Judged {
  scan: ScanResult;
  gate: GateResult | null;
}

/** Scans the slim image of each runtime, which stands for both variants, and its bare base where there are findings to compare. */
export async function scanRuntimes(
  slims: readonly { target: PlannedTarget; image: BuiltImage }[],
  planning: Planning,
  context: CommandContext,
): Promise<Map<string, Judged>> {
  const scanner = createScanner(planning.services, context.variables);
  const judged = new Map<string, Judged>();
  for (const { target, image } of slims) {
    context.output.say(`scanning ${image.reference}`);
    const scan = await scanner(image.reference, target.platforms, planning.owner, context.signal);
    judged.set(target.runtime, await judge(target, scan, scanner, planning, context.signal));
  }
  return judged;
}

async function judge(
  target: PlannedTarget,
  scan: ScanResult,
  scanner: Scanner,
  { catalog, owner, services }: Planning,
  signal: AbortSignal,
): Promise<Judged> {
  if (scan.status === 'not-scanned') return { scan, gate: null };
  const settings = catalog.settings.scan;
  const counts = scan.findings.some(({ severity }) => settings.failOn.includes(severity));
  const { digest, reference } = target.base;
  const base =
    counts && settings.baseFindings === 'warn' && digest !== null
      ? await scanner(
          formatReference({ ...parseReference(reference), tag: null, digest }),
          target.platforms,
          owner,
          signal,
        )
      : null;
  const today = new Date(services.clock.now()).toISOString().slice(0, 10);
  const answer = gate(scan, base, settings, today);
  // Nothing that counts was found: there was nothing to compare with the base.
  return { scan, gate: counts ? answer : { ...answer, notes: [] } };
}

/** Why an image that was built gets no tags, by the predicate that decides everywhere; null when it does. */
export function tagRefusal(
  target: PlannedTarget,
  image: BuiltImage,
  { scan, gate: answer }: Judged,
  scanning: 'required' | 'optional',
): PublisherError | null {
  const build = { state: 'built', image, smoke: null } as const;
  switch (standing({ target, build, scan, gate: answer })) {
    case 'passed':
      return null;
    case 'not-scanned': {
      if (scanning === 'optional') return null;
      const message = `${target.model.short} ${target.variant} was not scanned: ${scan.reason} No tag was moved; SCAN=optional lets unscanned images through.`;
      return new PublisherError('scan-failed', message);
    }
    default: {
      const failing = (answer?.failing ?? []).map(({ id, package: name }) => `${id} (${name})`);
      const more = failing.length > 5 ? ` and ${failing.length - 5} more` : '';
      const message = `${target.model.short} ${target.variant} does not pass the scan: ${failing.slice(0, 5).join(', ')}${more}. No tag was moved.`;
      return new PublisherError('denied', message);
    }
  }
}
