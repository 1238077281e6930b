import { z } from 'zod';
import { find, run } from '../../src/exec.ts';
import type { Finding } from './rules.ts';
import type { ShellPart } from './shell-parts.ts';

const reportSchema = z.object({
  comments: z.array(z.object({ line: z.int(), code: z.int(), message: z.string() })),
});

const SHELLS = new Set(['sh', 'bash', 'dash', 'ksh']);

/** Variables of `RUN` come from `ARG` and `ENV`, which the shell does not see assigned; and it has no `#!` line. */
const RUN_EXCLUDES = '--exclude=SC2154,SC2148';

export const hasShellcheck = async (): Promise<boolean> => (await find('shellcheck')) !== null;

/** What shellcheck says of a piece of shell; lines are those of the file it comes from. */
export async function shellcheck({ shell, text, line, of }: ShellPart): Promise<Finding[]> {
  const dialect = SHELLS.has(shell) ? shell : 'sh';
  const excludes = of === 'run' ? [RUN_EXCLUDES] : [];
  const { stdout } = await run('shellcheck', [`--shell=${dialect}`, '--format=json1', ...excludes, '-'], {
    stdin: text,
    check: false,
  });
  return reportSchema.parse(JSON.parse(stdout)).comments.map((comment) => ({
    line: line + comment.line - 1,
    rule: `SC${comment.code}`,
    message: comment.message,
  }));
}
