import {
  ANNOTATION_MESSAGE_BYTES,
  CHECK_OUTPUT_BYTES,
  CHECK_TITLE_CHARACTERS,
  cutBytes,
  cutCharacters,
} from './limits.ts';
import type { Annotation, CheckRun } from './types.ts';

/** Request bodies of check runs (GitHub REST, "Check runs"), cut to the limits. */

/** Everything but output. Unless `concluding`, a completed run is sent as in progress: more is to come. */
export function checkFields(run: CheckRun, concluding: boolean) {
  const state =
    run.status === 'completed' && concluding
      ? {
          status: run.status,
          conclusion: run.conclusion,
          ...(run.completedAt === undefined ? {} : { completed_at: run.completedAt }),
        }
      : { status: run.status === 'queued' ? ('queued' as const) : ('in_progress' as const) };
  return {
    ...state,
    name: run.name,
    external_id: run.externalId,
    ...(run.startedAt === undefined ? {} : { started_at: run.startedAt }),
    ...(run.detailsUrl === undefined ? {} : { details_url: run.detailsUrl }),
    // An empty list takes earlier buttons away.
    actions: run.actions.map(({ label, description, identifier }) => ({ label, description, identifier })),
  };
}

export function checkOutput(run: CheckRun, annotations: readonly Annotation[]) {
  return {
    title: cutCharacters(run.title, CHECK_TITLE_CHARACTERS, '…'),
    summary: cutBytes(run.summary, CHECK_OUTPUT_BYTES),
    ...(run.text === undefined ? {} : { text: cutBytes(run.text, CHECK_OUTPUT_BYTES) }),
    ...(annotations.length === 0 ? {} : { annotations: annotations.map(annotationBody) }),
  };
}

export function annotationBody(annotation: Annotation) {
  const { startLine, startColumn, endColumn } = annotation;
  const endLine = Math.max(startLine, annotation.endLine);
  const columns = startLine === endLine && startColumn !== undefined;
  return {
    path: annotation.path,
    start_line: startLine,
    end_line: endLine,
    ...(columns ? { start_column: startColumn, end_column: Math.max(startColumn, endColumn ?? startColumn) } : {}),
    annotation_level: annotation.level,
    message: cutBytes(annotation.message, ANNOTATION_MESSAGE_BYTES),
    ...(annotation.title === undefined ? {} : { title: cutCharacters(annotation.title, CHECK_TITLE_CHARACTERS, '…') }),
  };
}

/** What makes two annotations the same, in what we send and in what GitHub lists. */
export function annotationKey(annotation: {
  path: string;
  start_line: number;
  end_line: number;
  annotation_level?: string | null | undefined;
  message?: string | null | undefined;
}): string {
  const { path, start_line, end_line, annotation_level, message } = annotation;
  return JSON.stringify([path, start_line, end_line, annotation_level, message]);
}
