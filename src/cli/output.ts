/** Where a command's words go: the result to stdout, everything else to stderr, all of it redacted. */
export interface Output {
  /** Whether the result is to be one JSON document. */
  json: boolean;
  /** The result of a command: `document` with `--json`, else the lines. Called at most once. */
  result(document: unknown, lines: string[]): void;
  /** News for people, on stderr. */
  say(line: string): void;
}

export interface OutputStreams {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

export function createOutput(streams: OutputStreams, json: boolean, redact: (text: string) => string): Output {
  return {
    json,
    result(document, lines) {
      const text = json ? JSON.stringify(document, null, 2) : lines.join('\n');
      if (text !== '') streams.stdout.write(`${json ? redactJson(text, redact) : redact(text)}\n`);
    },
    say: (line) => void streams.stderr.write(`${redact(line)}\n`),
  };
}

/** Redaction changes text inside strings only, so that what leaves is still JSON. */
function redactJson(text: string, redact: (text: string) => string): string {
  return JSON.stringify(
    JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? redact(value) : value)),
    null,
    2,
  );
}
