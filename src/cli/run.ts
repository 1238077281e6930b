import { asPublisherError, type ExitCode, PublisherError } from '../errors.ts';
import { createRedactor } from '../http/redact.ts';
import { type Flags, parseArguments } from './arguments.ts';
import { COMMON_FLAGS, type Command } from './command.ts';
import { commands } from './commands/index.ts';
import { createOutput, type OutputStreams } from './output.ts';

export interface CliEnvironment extends OutputStreams {
  variables: Record<string, string | undefined>;
}

/** Settings whose values no output may show. */
const SECRET = /TOKEN|SECRET|PASSWORD|PRIVATE_KEY|DATABASE_URL/;

/** Runs one command line (without node and script) and returns the process's exit code. Never throws. */
export async function runCli(argv: string[], environment: CliEnvironment): Promise<ExitCode> {
  const { variables } = environment;
  const secrets = Object.entries(variables).flatMap(([name, value]) => (SECRET.test(name) && value ? [value] : []));
  const redact = createRedactor(secrets);
  const plain = createOutput(environment, false, redact);
  const interrupt = new AbortController();
  const stop = () => interrupt.abort(new PublisherError('cancelled', 'Stopped by a signal.'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const [name, ...rest] = argv;
    if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
      plain.result(null, overview());
      return name === undefined ? 2 : 0;
    }
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) {
      throw new PublisherError('usage', `Unknown command \`${name}\`. See \`model-image-publisher --help\`.`);
    }
    const flags = { ...command.flags, ...COMMON_FLAGS };
    if (rest.includes('--help')) {
      plain.result(null, usage(command, flags));
      return 0;
    }
    const parsed = parseArguments(command.name, rest, flags, command.positionals);
    const output = createOutput(environment, parsed.given('json'), redact);
    return await command.run({ arguments: parsed, output, variables, signal: interrupt.signal });
  } catch (thrown) {
    const error = asPublisherError(thrown);
    plain.say(`${error.code}: ${error.message}`);
    if (error.code === 'internal' && thrown instanceof Error && variables.DEBUG !== undefined)
      plain.say(thrown.stack ?? '');
    if (argv.includes('--json')) {
      createOutput(environment, true, redact).result({ error: { code: error.code, message: error.message } }, []);
    }
    return error.exitCode;
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}

function overview(): string[] {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Usage: model-image-publisher COMMAND [OPTIONS]',
    '',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Every command takes --help and --json.',
    'Exit codes: 0 done, 1 the answer is no, 2 wrong usage or environment, 3 an outside service failed.',
  ];
}

function usage(command: Command, flags: Flags): string[] {
  const names = Object.entries(flags).map(
    ([name, { placeholder }]) => `--${name}${placeholder ? ` ${placeholder}` : ''}`,
  );
  const width = Math.max(...names.map((name) => name.length));
  const described = Object.values(flags).map(
    ({ description }, at) => `  ${(names[at] ?? '').padEnd(width)}  ${description}`,
  );
  return [
    `Usage: model-image-publisher ${[command.name, ...command.positionals, '[OPTIONS]'].join(' ')}`,
    '',
    command.summary,
    '',
    ...described,
    ...(command.details === undefined ? [] : ['', command.details]),
  ];
}
