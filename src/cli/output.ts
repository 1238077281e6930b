/** Where a command's words go: the result to stdout, everything else to stderr, all of it redacted. */
export interface Output {
  /** Whether the result is to be one JSON document. */
  json: boolean;
  /** Width of the terminal that stderr is; null when it is none. */
  columns: number | null;
  /** The result of a command: `document` with `--json`, else the lines. Called at most once. */
  result(document: unknown, lines: string[]): void;
  /** News for people, on stderr. */
  say(line: string): void;
  /** What stands below the news on a terminal until it is replaced or, with null, taken away. Nothing elsewhere. */
  status(line: string | null): void;
}

export interface OutputStreams {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown; isTTY?: boolean; columns?: number };
}

/** Back to the first column, and all of the line away (ECMA-48, EL). */
const ERASE = '\r\u001b[K';
const USUAL_COLUMNS = 80;

export function createOutput(streams: OutputStreams, json: boolean, redact: (text: string) => string): Output {
  const { stdout, stderr } = streams;
  let status: string | null = null;
  const erase = () => (status === null ? '' : ERASE);
  return {
    json,
    // Asked each time: windows are resized.
    get columns() {
      return stderr.isTTY === true ? stderr.columns || USUAL_COLUMNS : null;
    },
    result(document, lines) {
      const text = json ? JSON.stringify(document, null, 2) : lines.join('\n');
      if (text !== '') stdout.write(`${json ? redactJson(text, redact) : redact(text)}\n`);
    },
    say: (line) => void stderr.write(`${erase()}${redact(line)}\n${status ?? ''}`),
    status(line) {
      if (stderr.isTTY !== true || line === status) return;
      const next = line === null ? null : redact(line);
      stderr.write(`${erase()}${next ?? ''}`);
      status = next;
    },
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
