import type { ReviewContext } from '../review/context.ts';
import type { CommandJob } from '../review/types.ts';
import { refreshPulls } from './refresh-pulls.ts';
import { runAction } from './run-action.ts';
import { runComment } from './run-comment.ts';
import { runMergeGroup } from './run-merge-group.ts';

/** What a person, a merge queue or the default branch asks for. */
export async function runCommand(job: CommandJob, context: ReviewContext): Promise<void> {
  if (!(await context.serves(job.owner))) return;
  switch (job.kind) {
    case 'comment':
      return runComment(job, context);
    case 'action':
      return runAction(job, context);
    case 'refresh':
      return refreshPulls(job, context);
    case 'merge-group':
      return runMergeGroup(job, context);
  }
}
