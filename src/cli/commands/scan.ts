import { SEVERITIES, type Severity } from '../../catalog/types.ts';
import { readEnvironment } from '../../environment.ts';
import { type ExitCode, PublisherError } from '../../errors.ts';
import { formatReference, parseReference } from '../../registry/reference.ts';
import { scanCounts } from '../../report/scan-words.ts';
import { threshold } from '../../scan/gate.ts';
import { createScanner } from '../../scan/scanner.ts';
import type { ScanResult } from '../../scan/types.ts';
import { createServices } from '../../services.ts';
import { refusal } from '../build-targets.ts';
import { CATALOG_FLAG, type Command, type CommandContext, OWNER_FLAG } from '../command.ts';
import { cliLogger } from '../logger.ts';
import { ownerOf } from '../owner.ts';
import { planFor, preparePlanning } from '../plan-context.ts';

const SHORT = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** `{reference, status, reason, summary, findings, database}`; 3 when not scanned, 1 over `--fail-on`. */
export const scan: Command = {
  name: 'scan',
  summary: 'scan an image with Trivy, by reference or as the slim image of a model',
  positionals: ['REF|SHORT'],
  flags: {
    ...CATALOG_FLAG,
    ...OWNER_FLAG,
    'fail-on': {
      type: 'string',
      placeholder: 'SEVERITY',
      description: 'exit 1 on findings of this severity and above',
    },
    verbose: { type: 'boolean', description: 'say more on stderr' },
  },
  details: 'Exit codes: 3 when the image was not scanned, 1 when --fail-on finds something, else 0.',
  async run(context) {
    const { arguments: given, output, signal } = context;
    const failOn = severity(given.text('fail-on'));
    const { reference, scanner, platforms, owner } = await prepare(context);
    const result = await scanner(reference, platforms, owner, signal);
    output.result(result, describe(result));
    return exitOf(result, failOn);
  },
};

async function prepare(context: CommandContext) {
  const [subject = ''] = context.arguments.positionals;
  if (!SHORT.test(subject)) {
    const reference = formatReference(parseReference(subject));
    const environment = readEnvironment(context.variables, 'command');
    const logger = cliLogger(context.output, context.arguments.given('verbose'));
    const services = await createServices({ environment, logger, as: 'command', secrets: context.secrets });
    return {
      reference,
      scanner: createScanner(services, context.variables),
      platforms: [],
      owner: await ownerOf(context),
    };
  }
  const planning = await preparePlanning(context);
  const { targets } = await planFor(planning, { only: subject }, context);
  const slim = targets.find(({ variant }) => variant === 'slim');
  const [tag] = slim?.tags ?? [];
  if (slim?.action === 'fail') throw refusal(slim);
  if (slim === undefined || slim.repository === null || tag === undefined) {
    throw new PublisherError(
      'denied',
      `${subject} has no slim image to scan: ${slim?.warnings.join(' ') ?? 'nothing is planned for it.'}`,
    );
  }
  if (slim.repository.includes('{owner}')) {
    throw new PublisherError(
      'environment',
      `Nobody said whose registry ${slim.repository} is: pass --owner or set GITHUB_REPOSITORY_OWNER.`,
    );
  }
  const platforms = Object.keys(slim.request?.inputs.base ?? {});
  const reference = `${slim.repository}:${tag}`;
  return { reference, scanner: createScanner(planning.services, context.variables), platforms, owner: planning.owner };
}

function severity(text: string | undefined): Severity | null {
  if (text === undefined) return null;
  const found = SEVERITIES.find((name) => name === text.toLowerCase());
  if (found === undefined)
    throw new PublisherError('usage', `--fail-on is one of ${SEVERITIES.join(', ')}, not "${text}".`);
  return found;
}

function exitOf(result: ScanResult, failOn: Severity | null): ExitCode {
  if (result.status === 'not-scanned') return 3;
  return failOn !== null && threshold(result, failOn).length > 0 ? 1 : 0;
}

function describe(result: ScanResult): string[] {
  if (result.status === 'not-scanned') return [`${result.reference}: not scanned: ${result.reason}`];
  const lines = result.findings.map(
    ({ id, severity: level, package: name, installed, fixed }) =>
      `  ${level} ${id} ${name} ${installed}${fixed === null ? '' : ` (fixed in ${fixed})`}`,
  );
  return [`${result.reference}: ${scanCounts(result)}`, ...lines];
}
