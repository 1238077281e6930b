import { examinedSchema } from './schema.ts';
import type { SmokeExpectation, SmokeResult } from './types.ts';

const LAST_LINES = 5;

/** What an examined image printed and how it ended, held against what it was built to be. */
export function judge(
  { stdout, stderr, exitCode }: { stdout: string; stderr: string; exitCode: number },
  expected: SmokeExpectation,
): SmokeResult {
  if (exitCode !== 0) return failed(`It ended with exit code ${exitCode}`, `${stdout}\n${stderr}`);
  const [first = ''] = stdout.split('\n', 1);
  const told = examinedSchema.safeParse(json(first));
  if (!told.success) return failed('Its entrypoint did not say what the image is', `${stdout}\n${stderr}`);
  const names = ['model', 'revision', 'variant', 'engine'] as const;
  const wrong = names.filter((name) => told.data[name] !== expected[name]);
  if (wrong.length === 0) return { status: 'passed', reason: null };
  const differences = wrong.map((name) => `${name} ${told.data[name]} instead of ${expected[name]}`);
  return { status: 'failed', reason: `It holds ${differences.join(', ')}.` };
}

function failed(what: string, output: string): SmokeResult {
  const lines = output
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-LAST_LINES);
  return {
    status: 'failed',
    reason: lines.length === 0 ? `${what} and said nothing.` : `${what}: ${lines.join(' | ')}`,
  };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
