import { Buffer } from 'node:buffer';
import { invalid, isJson, type Json } from './http.ts';

/** GitHub's limits on check runs, comments, issues and releases, refused as GitHub refuses them: 422. */
export const LIMITS = {
  outputBytes: 65_535,
  annotations: 50,
  actions: 3,
  actionLabel: 20,
  actionDescription: 40,
  actionIdentifier: 20,
  commentCharacters: 65_536,
  issueTitleCharacters: 256,
  releaseCharacters: 125_000,
  annotationMessageBytes: 65_536,
  annotationTitle: 255,
  runsOfOneName: 1_000,
} as const;

const STATUSES = new Set(['queued', 'in_progress', 'completed']);
const CONCLUSIONS = new Set(['action_required', 'cancelled', 'failure', 'neutral', 'success', 'skipped', 'timed_out']);

const problem = (field: string, message: string) => invalid('CheckRun', field, message);

/** @throws Rejection 422 when GitHub would refuse the request's fields. */
export function assertCheckRun(body: Json, creating: boolean): void {
  if (creating || body.name !== undefined) {
    if (typeof body.name !== 'string' || body.name.trim() === '') throw problem('name', 'name is required');
  }
  if (body.status !== undefined && !STATUSES.has(String(body.status))) throw problem('status', 'is not a status');
  if (body.conclusion !== undefined && !CONCLUSIONS.has(String(body.conclusion))) {
    throw problem('conclusion', 'is not a conclusion');
  }
  if (body.status === 'completed' && body.conclusion === undefined) {
    throw problem('conclusion', 'conclusion is required when the status is completed');
  }
  for (const field of ['started_at', 'completed_at']) {
    const value = body[field];
    if (value !== undefined && (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value))) {
      throw problem(field, 'is not an ISO 8601 timestamp');
    }
  }
  if (body.output !== undefined) assertOutput(body.output);
  if (body.actions !== undefined) assertActions(body.actions);
}

function assertOutput(output: unknown): void {
  if (!isJson(output)) throw problem('output', 'must be an object');
  for (const field of ['title', 'summary']) {
    if (typeof output[field] !== 'string' || output[field] === '') throw problem(`output.${field}`, 'is required');
  }
  for (const field of ['summary', 'text']) {
    const value = output[field];
    if (value !== undefined && Buffer.byteLength(String(value)) > LIMITS.outputBytes) {
      throw problem(`output.${field}`, `exceeds a maximum bytesize of ${LIMITS.outputBytes}`);
    }
  }
  const annotations = output.annotations ?? [];
  if (!Array.isArray(annotations)) throw problem('output.annotations', 'must be an array');
  if (annotations.length > LIMITS.annotations) {
    throw problem('output.annotations', `No more than ${LIMITS.annotations} annotations are allowed`);
  }
  for (const annotation of annotations) assertAnnotation(annotation);
}

function assertAnnotation(annotation: unknown): void {
  if (!isJson(annotation)) throw problem('annotations', 'must be objects');
  const { path, start_line: start, end_line: end, annotation_level: level, message, title } = annotation;
  if (typeof path !== 'string' || path === '' || path.startsWith('/')) throw problem('annotations.path', 'is invalid');
  if (typeof start !== 'number' || !Number.isInteger(start) || start < 1) {
    throw problem('annotations.start_line', 'must be a line number');
  }
  if (typeof end !== 'number' || !Number.isInteger(end) || end < start) {
    throw problem('annotations.end_line', 'must not be before start_line');
  }
  const columns = annotation.start_column !== undefined || annotation.end_column !== undefined;
  if (columns && start !== end) throw problem('annotations.start_column', 'only for annotations of one line');
  if (level !== 'notice' && level !== 'warning' && level !== 'failure') {
    throw problem('annotations.annotation_level', 'is invalid');
  }
  if (typeof message !== 'string' || message === '') throw problem('annotations.message', 'is required');
  if (Buffer.byteLength(message) > LIMITS.annotationMessageBytes) throw problem('annotations.message', 'is too long');
  if (title !== undefined && String(title).length > LIMITS.annotationTitle) {
    throw problem('annotations.title', 'is too long');
  }
}

function assertActions(actions: unknown): void {
  if (!Array.isArray(actions) || actions.length > LIMITS.actions) {
    throw problem('actions', `No more than ${LIMITS.actions} actions are allowed`);
  }
  const bounds = {
    label: LIMITS.actionLabel,
    description: LIMITS.actionDescription,
    identifier: LIMITS.actionIdentifier,
  };
  for (const action of actions) {
    if (!isJson(action)) throw problem('actions', 'must be objects');
    for (const [field, most] of Object.entries(bounds)) {
      const value = action[field];
      if (typeof value !== 'string' || value === '' || [...value].length > most) {
        throw problem(`actions.${field}`, `is required and has at most ${most} characters`);
      }
    }
  }
}

/** @throws Rejection 422 */
export function assertCommentBody(body: unknown): asserts body is string {
  if (typeof body !== 'string' || body.trim() === '') throw invalid('IssueComment', 'body', 'body cannot be blank');
  if ([...body].length > LIMITS.commentCharacters) {
    throw invalid('IssueComment', 'body', `body is too long (maximum is ${LIMITS.commentCharacters} characters)`);
  }
}

/** @throws Rejection 422 */
export function assertIssue(body: Json, creating: boolean): void {
  const { title, body: text, state } = body;
  if (creating || title !== undefined) {
    if (typeof title !== 'string' || title.trim() === '') throw invalid('Issue', 'title', 'title cannot be blank');
    if ([...title].length > LIMITS.issueTitleCharacters) throw invalid('Issue', 'title', 'title is too long');
  }
  if (text !== undefined && text !== null) {
    if (typeof text !== 'string') throw invalid('Issue', 'body', 'body must be a string');
    if ([...text].length > LIMITS.commentCharacters) throw invalid('Issue', 'body', 'body is too long');
  }
  if (state !== undefined && state !== 'open' && state !== 'closed') throw invalid('Issue', 'state', 'is not a state');
}

/** @throws Rejection 422 */
export function assertReleaseBody(body: unknown): void {
  if (typeof body !== 'string') throw invalid('Release', 'body', 'body must be a string');
  if ([...body].length > LIMITS.releaseCharacters) throw invalid('Release', 'body', 'body is too long');
}
