import { asPublisherError, type ExitCode, PublisherError } from '../errors.ts';
import { createSecrets } from '../http/secrets.ts';
import { type Flags, parseArguments } from './arguments.ts';
import { COMMON_FLAGS, type Command } from './command.ts';
import { commands } from './commands/index.ts';
import { createOutput, type OutputStreams } from './output.ts';

export interface CliEnvironment extends OutputStreams {
  variables: Record<string, string | undefined>;
}

/** Settings whose values no output may show. Not just any `…TOKEN…`: a masked `MAX_TOKENS` would punch holes into digests. */
const SECRET = /(?:^|_)(?:TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)?|PRIVATE_KEY|ACCESS_KEY|API_KEY)$|^DATABASE_URL$/;

/** Runs one command line (without node and script) and returns the process's exit code. Never throws. */
export async function runCli(argv: string[], environment: CliEnvironment): Promise<ExitCode> {
  const { variables } = environment;
  const secrets = Object.entries(variables).flatMap(([name, value]) =>
    SECRET.test(name) && value ? [value, URL.parse(value)?.password ?? ''] : [],
  );
  const json = argv.includes('--json');
  const known = createSecrets(secrets);
  const output = createOutput(environment, json, known.redact);
  const interrupt = new AbortController();
  const stop = () => interrupt.abort(new PublisherError('cancelled', 'Stopped by a signal.'));
  // Not once: with no listener left, a child process's own handler would take the signal for the end of this one too.
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    const [name, ...rest] = argv;
    const help = name === 'help' || name === '--help' || name === '-h';
    if (name === undefined || name === '--json' || help) {
      const lines = overview();
      output.result({ help: lines.join('\n') }, lines);
      return help ? 0 : 2;
    }
    const command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) {
      throw new PublisherError('usage', `Unknown command \`${name}\`. See \`model-image-publisher --help\`.`);
    }
    const flags = { ...command.flags, ...COMMON_FLAGS };
    if (rest.includes('--help') || rest.includes('-h')) {
      const lines = usage(command, flags);
      output.result({ help: lines.join('\n') }, lines);
      return 0;
    }
    const parsed = parseArguments(command.name, rest, flags, command.positionals);
    return await command.run({ arguments: parsed, output, variables, secrets: known, signal: interrupt.signal });
  } catch (thrown) {
    const error = asPublisherError(thrown);
    output.say(`${error.code}: ${error.message}`);
    if (error.code === 'internal' && thrown instanceof Error && variables.DEBUG !== undefined)
      output.say(thrown.stack ?? '');
    if (json) output.result({ error: { code: error.code, message: error.message } }, []);
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
