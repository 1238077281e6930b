import type { Context, Probot } from 'probot';
import { parseCommand } from './commands/grammar.ts';
import { sha256Hex } from './image/hash.ts';
import type { Queue } from './jobs/queue.ts';
import type { Logger } from './log.ts';
import type { CommandJob, PullRef, ReviewJob } from './review/types.ts';
import { recordDelivery } from './store/deliveries.ts';
import type { Store } from './store/open.ts';

export interface AppContext {
  store: Store;
  queue: Queue;
  logger: Logger;
  /** Accounts whose installations are served; null serves all that installed the App. */
  owners: string[] | null;
}

interface Payload {
  installation?: { id: number } | undefined;
  repository: { id: number; name: string; owner: { login: string } };
}

type Enqueue = (tx: Parameters<Parameters<Store['transaction']>[0]>[0], pull: PullRef) => Promise<void>;

/**
 * GitHub's events → jobs. Handlers only record the delivery and enqueue, in one transaction; what an event says is a hint, the jobs
 * read everything again.
 */
export function createApp(context: AppContext): (probot: Probot) => void {
  const accept = async (
    event: Pick<Context, 'id' | 'name' | 'payload'>,
    payload: Payload,
    pr: number,
    enqueue: Enqueue,
  ): Promise<void> => {
    const { installation, repository } = payload;
    const owner = repository.owner.login;
    const served = context.owners === null || context.owners.some((name) => name.toLowerCase() === owner.toLowerCase());
    if (installation === undefined || !served) {
      context.logger.info({ delivery: event.id, owner }, 'Delivery ignored');
      return;
    }
    const pull: PullRef = { installationId: installation.id, repoId: repository.id, owner, repo: repository.name, pr };
    const action = 'action' in event.payload ? String(event.payload.action) : null;
    const delivery = {
      id: event.id,
      event: event.name,
      action,
      payloadDigest: sha256Hex(JSON.stringify(event.payload)),
    };
    await context.store.transaction(async (tx) => {
      if (!(await recordDelivery(tx.db, delivery))) return;
      await enqueue(tx, pull);
      context.logger.info(
        { delivery: event.id, event: event.name, action, repo: `${owner}/${repository.name}`, pr },
        'Delivery accepted',
      );
    });
  };
  const review: Enqueue = (tx, pull) => {
    const job: ReviewJob = { ...pull, rebuild: null };
    return context.queue.enqueue('review', job, { key: `${pull.repoId}#${pull.pr}`, transaction: tx });
  };

  return (probot) => {
    probot.on(['pull_request.opened', 'pull_request.synchronize', 'pull_request.reopened'], (event) =>
      accept(event, event.payload, event.payload.pull_request.number, review),
    );
    probot.on('issue_comment.created', async (event) => {
      const { issue, comment, sender } = event.payload;
      // Cheap looks first; the job reads comment and author again.
      if (issue.pull_request === undefined || sender.type === 'Bot' || parseCommand(comment.body).kind === 'none')
        return;
      await accept(event, event.payload, issue.number, (tx, pull) => {
        const job: CommandJob = { ...pull, commentId: comment.id };
        return context.queue.enqueue('command', job, { key: String(comment.id), transaction: tx });
      });
    });
  };
}
