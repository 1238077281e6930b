import type { Logger } from '../log.ts';

/** A logger whose messages and fields, errors included, show no secret that `redact` knows when they are written. */
export function redactingLogger(logger: Logger, redact: (text: string) => string): Logger {
  const write = (level: keyof Logger) => (fields: object, message: string) => {
    const told: object = JSON.parse(JSON.stringify(fields, (_key, value) => plain(value, redact)));
    logger[level](told, redact(message));
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** JSON shows nothing of errors, and breaks on big integers. */
function plain(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...('code' in value ? { code: value.code } : {}), cause };
}
