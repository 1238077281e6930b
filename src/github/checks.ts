import { z } from 'zod';
import { PublisherError } from '../errors.ts';
import { annotationBody, annotationKey, checkFields, checkOutput } from './check-body.ts';
import { at, createOnce, type GitHubContext, nameOf, ONCE } from './context.ts';
import { naming, orNull } from './errors.ts';
import { ANNOTATIONS_PER_REQUEST, batches } from './limits.ts';
import type { Annotation, CheckRun, Repo } from './types.ts';

const runAnswer = z.object({
  id: z.number(),
  head_sha: z.string(),
  external_id: z.string().nullish(),
  app: z.object({ id: z.number() }).nullish(),
  output: z.object({ annotations_count: z.number() }),
});
const annotationAnswer = z.object({
  path: z.string(),
  start_line: z.number(),
  end_line: z.number(),
  annotation_level: z.string().nullish(),
  message: z.string().nullish(),
});

interface Found {
  id: number;
  annotationsCount: number;
}

/**
 * Finds our run of this identity or creates it, then brings it up to date. Annotations that GitHub already shows are
 * not sent again, since it appends; a conclusion is sent last, so that a concluded run is a complete one.
 */
export async function upsertCheck(context: GitHubContext, repo: Repo, run: CheckRun): Promise<number> {
  assertActions(run);
  const key = `check ${nameOf(repo)} ${run.headSha} ${run.name} ${run.externalId}`;
  return context.locks.run(key, async () => {
    const existing = (await byId(context, repo, run)) ?? (await search(context, repo, run));
    return existing === null ? create(context, repo, run) : update(context, repo, run, existing);
  });
}

function assertActions({ name, actions }: CheckRun): void {
  const fits = actions.every(
    ({ label, description, identifier }) => label.length <= 20 && description.length <= 40 && identifier.length <= 20,
  );
  if (actions.length > 3 || !fits) {
    throw new PublisherError(
      'internal',
      `check ${name}: its buttons exceed GitHub’s limits (3; 20, 40, 20 characters)`,
    );
  }
}

const describe = (repo: Repo, run: CheckRun): string =>
  `check ${run.name} of ${nameOf(repo)} at ${run.headSha.slice(0, 12)}`;

function ours({ appId }: GitHubContext, run: CheckRun, answer: z.infer<typeof runAnswer>): boolean {
  return answer.app?.id === appId && answer.external_id === run.externalId && answer.head_sha === run.headSha;
}

const found = (answer: z.infer<typeof runAnswer>): Found => ({
  id: answer.id,
  annotationsCount: answer.output.annotations_count,
});

async function byId(context: GitHubContext, repo: Repo, run: CheckRun): Promise<Found | null> {
  const { id } = run;
  if (id === undefined) return null;
  const answer = await orNull(`reading ${describe(repo, run)}`, async () => {
    const { data } = await context.octokit.rest.checks.get({ ...at(repo), check_run_id: id });
    return runAnswer.parse(data);
  });
  return answer !== null && ours(context, run, answer) ? found(answer) : null;
}

/** Of several, the newest: it is the one a branch rule looks at. The default filter would hide all but one a name. */
async function search(context: GitHubContext, repo: Repo, run: CheckRun): Promise<Found | null> {
  return naming(`listing ${describe(repo, run)}`, async () => {
    const runs = await context.octokit.paginate(context.octokit.rest.checks.listForRef, {
      ...at(repo),
      ref: run.headSha,
      check_name: run.name,
      app_id: context.appId,
      filter: 'all',
      per_page: 100,
    });
    const mine = z
      .array(runAnswer)
      .parse(runs)
      .filter((answer) => ours(context, run, answer));
    const newest = mine.sort((a, b) => b.id - a.id)[0];
    return newest === undefined ? null : found(newest);
  });
}

async function create(context: GitHubContext, repo: Repo, run: CheckRun): Promise<number> {
  const [first = [], ...rest] = batches(run.annotations, ANNOTATIONS_PER_REQUEST);
  const whole = rest.length === 0;
  const what = `creating ${describe(repo, run)}`;
  let made = false;
  const body = {
    ...at(repo),
    ...checkFields(run, whole),
    head_sha: run.headSha,
    output: checkOutput(run, first),
    ...ONCE,
  };
  const target = await createOnce(context, what, {
    create: async () => {
      const { data } = await context.octokit.rest.checks.create(body);
      made = true;
      return found(runAnswer.parse(data));
    },
    find: () => search(context, repo, run),
  });
  // One that was found after a lost answer may be of an earlier state: bring it up to date like any other.
  if (!made) return update(context, repo, run, target);
  return whole ? target.id : send(context, repo, run, target.id, rest);
}

async function update(context: GitHubContext, repo: Repo, run: CheckRun, existing: Found): Promise<number> {
  const shown = await shownAnnotations(context, repo, run, existing);
  const missing = run.annotations.filter((annotation) => !shown.has(annotationKey(annotationBody(annotation))));
  const parts = batches(missing, ANNOTATIONS_PER_REQUEST);
  return send(context, repo, run, existing.id, parts.length === 0 ? [[]] : parts);
}

async function shownAnnotations(context: GitHubContext, repo: Repo, run: CheckRun, { id, annotationsCount }: Found) {
  if (run.annotations.length === 0 || annotationsCount === 0) return new Set<string>();
  return naming(`listing annotations of ${describe(repo, run)}`, async () => {
    const list = await context.octokit.paginate(context.octokit.rest.checks.listAnnotations, {
      ...at(repo),
      check_run_id: id,
      per_page: 100,
    });
    return new Set(z.array(annotationAnswer).parse(list).map(annotationKey));
  });
}

/** Sends the batches in turn, the state with the last. A batch is not repeated blindly: it would show twice. */
async function send(context: GitHubContext, repo: Repo, run: CheckRun, id: number, parts: Annotation[][]) {
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    await naming(`updating ${describe(repo, run)}`, () =>
      context.octokit.rest.checks.update({
        ...at(repo),
        ...checkFields(run, last),
        check_run_id: id,
        output: checkOutput(run, part),
        ...(part.length === 0 ? {} : ONCE),
      }),
    );
  }
  return id;
}
