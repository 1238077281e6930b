import type { ExitCode } from '../errors.ts';
import type { Secrets } from '../http/secrets.ts';
import type { Flags, ParsedArguments } from './arguments.ts';
import type { Output } from './output.ts';

export interface CommandContext {
  arguments: ParsedArguments;
  output: Output;
  variables: Record<string, string | undefined>;
  /** What no output may show; registry passwords join as they are looked up. */
  secrets: Secrets;
  /** Aborted on SIGINT and SIGTERM. */
  signal: AbortSignal;
}

/** One command of the command line. */
export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Names in the usage line; optional ones in brackets. */
  positionals: string[];
  flags: Flags;
  /** What `--help` says beyond the flags: exit codes that are particular, examples. */
  details?: string;
  /** Returns the exit code; throws PublisherError, which carries its own. */
  run(context: CommandContext): Promise<ExitCode>;
}

export const COMMON_FLAGS: Flags = {
  json: { type: 'boolean', description: 'print one JSON document on stdout; logs go to stderr' },
  help: { type: 'boolean', description: 'show this help' },
};

export const CATALOG_FLAG: Flags = {
  catalog: { type: 'string', placeholder: 'FILE', description: 'the catalog (default: models.yaml)' },
};

export const OWNER_FLAG: Flags = {
  owner: {
    type: 'string',
    placeholder: 'NAME',
    description: 'account that {owner} stands for (default: GITHUB_REPOSITORY_OWNER, else the git remote)',
  },
};
