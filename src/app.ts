import type { Context, Probot } from 'probot';
import { parseCommand } from './commands/grammar.ts';
import { sha256Hex } from './image/hash.ts';
import type { Queue } from './jobs/queue.ts';
import type { Logger } from './log.ts';
import { enqueueRelease } from './publishing/release/request-release.ts';
import { enqueuePublish } from './publishing/trigger.ts';
import type { CommandJob, PullRef, ReviewJob } from './review/types.ts';
import type { Transaction } from './store/database.ts';
import { isPayloadKnown, recordDelivery } from './store/deliveries.ts';
import type { Store } from './store/open.ts';

export interface AppContext {
  store: Store;
  queue: Queue;
  logger: Logger;
}

type RepoRef = Omit<PullRef, 'pr'>;

interface Payload {
  installation?: { id: number } | undefined;
  repository: { id: number; name: string; owner: { login: string } };
}

interface Accepted {
  /** A payload seen before, under whatever id, is not acted upon: a click must not be repeatable by who recorded it. */
  once?: boolean;
  enqueue(tx: Transaction, repo: RepoRef): Promise<void>;
}

type Event = Pick<Context, 'id' | 'name' | 'payload'>;

/** `pull-<number>:<name>`, as our own check runs carry it. */
const OWN_CHECK = /^pull-([1-9]\d{0,9}):(.+)$/s;

/**
 * GitHub's events → jobs. Handlers only record the delivery and enqueue, in one transaction; what an event says is a hint, the jobs
 * read everything again.
 */
export function createApp({ store, queue, logger }: AppContext): (probot: Probot) => void {
  const accept = async (event: Event, payload: Payload, { once = false, enqueue }: Accepted): Promise<void> => {
    const { installation, repository } = payload;
    if (installation === undefined) return;
    const owner = repository.owner.login;
    const repo: RepoRef = { installationId: installation.id, repoId: repository.id, owner, repo: repository.name };
    const action = 'action' in event.payload ? String(event.payload.action) : null;
    const payloadDigest = sha256Hex(JSON.stringify(event.payload));
    await store.transaction(async (tx) => {
      if (once && (await isPayloadKnown(tx.db, payloadDigest))) return;
      if (!(await recordDelivery(tx.db, { id: event.id, event: event.name, action, payloadDigest }))) return;
      await enqueue(tx, repo);
      logger.info(
        { delivery: event.id, event: event.name, action, repo: `${owner}/${repository.name}` },
        'Delivery accepted',
      );
    });
  };
  const command = (tx: Transaction, job: CommandJob, key: string) =>
    queue.enqueue('command', job, { key, transaction: tx });

  const onPull = (event: Event, payload: Payload & { pull_request: { number: number } }) =>
    accept(event, payload, {
      enqueue: (tx, repo) => {
        const job: ReviewJob = { ...repo, pr: payload.pull_request.number, rebuild: null, force: false };
        return queue.enqueue('review', job, { key: `${repo.repoId}#${job.pr}`, transaction: tx });
      },
    });

  const onAction = (
    event: Event,
    payload: Payload,
    click: Omit<ActionClick, 'pr' | 'checkName'>,
    externalIds: (string | null)[],
  ) => {
    const asked = externalIds.flatMap((externalId) => {
      const [, number, checkName] = OWN_CHECK.exec(externalId ?? '') ?? [];
      return number === undefined || checkName === undefined ? [] : [{ pr: Number(number), checkName }];
    });
    if (asked.length === 0) return;
    return accept(event, payload, {
      once: true,
      async enqueue(tx, repo) {
        for (const { pr, checkName } of asked) {
          const job: CommandJob = { kind: 'action', ...repo, pr, checkName, ...click };
          const key = `action ${repo.repoId} pull-${pr}:${checkName} ${click.headSha} ${click.action}`;
          await command(tx, job, key);
        }
      },
    });
  };

  return (probot) => {
    probot.on(
      ['pull_request.opened', 'pull_request.synchronize', 'pull_request.reopened', 'pull_request.closed'],
      (event) => onPull(event, event.payload),
    );
    probot.on('pull_request.edited', async (event) => {
      // Only another base branch changes what is planned.
      if (event.payload.changes.base !== undefined) await onPull(event, event.payload);
    });
    probot.on('issue_comment.created', async (event) => {
      const { issue, comment, sender } = event.payload;
      // Cheap looks first; the job reads comment and author again.
      if (sender.type === 'Bot') return;
      const { kind } = parseCommand(comment.body);
      // Everything but a release is about a pull request.
      const isRelease = kind === 'release' || (kind === 'malformed' && /^\s*\/release\b/.test(comment.body));
      if (kind === 'none' || (issue.pull_request === undefined && !isRelease)) return;
      await accept(event, event.payload, {
        enqueue: (tx, repo) =>
          command(tx, { kind: 'comment', ...repo, pr: issue.number, commentId: comment.id }, `comment ${comment.id}`),
      });
    });
    probot.on('check_run.requested_action', async (event) => {
      const { check_run: run, requested_action: asked, sender } = event.payload;
      const click = { action: asked?.identifier ?? '', headSha: run.head_sha, sender: sender.login };
      if (click.action === 'approve' || click.action === 'rebuild')
        await onAction(event, event.payload, click, [run.external_id]);
    });
    probot.on('check_run.rerequested', async (event) => {
      const { check_run: run, sender } = event.payload;
      const click = { action: 'rerun', headSha: run.head_sha, sender: sender.login };
      await onAction(event, event.payload, click, [run.external_id]);
    });
    probot.on('check_suite.rerequested', async (event) => {
      const { check_suite: suite, sender } = event.payload;
      const click = { action: 'rerun', headSha: suite.head_sha, sender: sender.login };
      const pulls = suite.pull_requests.map(({ number }) => `pull-${number}:suite`);
      await onAction(event, event.payload, click, pulls);
    });
    probot.on('push', async (event) => {
      const { ref, repository } = event.payload;
      if (ref !== `refs/heads/${repository.default_branch}` || repository.owner === null) return;
      const { login } = repository.owner;
      if (login === undefined) return;
      const payload = { ...event.payload, repository: { id: repository.id, name: repository.name, owner: { login } } };
      await accept(event, payload, {
        async enqueue(tx, repo) {
          await command(tx, { kind: 'refresh', ...repo }, `refresh ${repo.repoId}`);
          await enqueuePublish(queue, repo, { transaction: tx });
        },
      });
    });
    probot.on('release.published', async (event) => {
      const { tag_name: tag } = event.payload.release;
      const options = { tag, latest: false, experimental: false, set: [] };
      await accept(event, event.payload, {
        enqueue: (tx, repo) => enqueueRelease(queue, repo, { options, issue: null }, tx),
      });
    });
    probot.on('merge_group.checks_requested', async (event) => {
      const { merge_group: group, repository } = event.payload;
      if (repository === undefined) return;
      const headSha = group.head_sha;
      await accept(
        event,
        { ...event.payload, repository },
        {
          enqueue: (tx, repo) =>
            command(tx, { kind: 'merge-group', ...repo, headSha }, `merge-group ${repo.repoId} ${headSha}`),
        },
      );
    });
  };
}

type ActionClick = Pick<Extract<CommandJob, { kind: 'action' }>, 'action' | 'headSha' | 'sender' | 'pr' | 'checkName'>;
