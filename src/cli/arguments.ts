import { parseArgs } from 'node:util';
import { messageOf, PublisherError } from '../errors.ts';

/** One flag of a command, with what `--help` says about it. */
export interface Flag {
  type: 'string' | 'boolean';
  /** May be given several times; read with `list`. */
  multiple?: boolean;
  /** Shown as `--name PLACEHOLDER`. */
  placeholder?: string;
  description: string;
}

export type Flags = Record<string, Flag>;

export interface ParsedArguments {
  positionals: string[];
  text(name: string): string | undefined;
  /** Every value of a flag that may be given several times. */
  list(name: string): string[];
  given(name: string): boolean;
}

/**
 * Parses a command's arguments.
 * @throws PublisherError `usage` for unknown flags, missing values and a wrong number of positionals
 */
export function parseArguments(command: string, argv: string[], flags: Flags, positionals: string[]): ParsedArguments {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, multiple = false }]) => [name, { type, multiple } as const]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true, strict: true });
  } catch (error) {
    const [first = ''] = messageOf(error).split('. ');
    throw new PublisherError('usage', `${first}. See \`model-image-publisher ${command} --help\`.`);
  }
  // A last one with dots stands for any number.
  const most = positionals.at(-1)?.includes('…') ? Number.POSITIVE_INFINITY : positionals.length;
  const required = positionals.filter((name) => !name.startsWith('['));
  if (parsed.positionals.length < required.length || parsed.positionals.length > most) {
    const wanted = positionals.length === 0 ? 'no arguments' : positionals.join(' ');
    throw new PublisherError(
      'usage',
      `\`${command}\` takes ${wanted}, not ${parsed.positionals.length}. See \`model-image-publisher ${command} --help\`.`,
    );
  }
  return {
    positionals: parsed.positionals,
    text: (name) => {
      const value = parsed.values[name];
      return typeof value === 'string' ? value : undefined;
    },
    list: (name) => {
      const values = parsed.values[name];
      return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
    },
    given: (name) => parsed.values[name] === true,
  };
}
