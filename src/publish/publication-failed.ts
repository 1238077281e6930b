import { asPublisherError, type ErrorCode, PublisherError } from '../errors.ts';
import type { TagMove, TagStep } from './types.ts';

/** How far a publication had come when it ended. */
export interface PublicationState {
  /** Tags that moved before it ended. */
  moves: TagMove[];
  /** What every tag that could be read is at, and what was still to be done to it: none of these moved. */
  left: TagStep[];
  /** Repositories (`host/repository`) whose tags could not be read. */
  unread: string[];
}

/** A publication that ended early, with what it did and did not do. Running it again completes it. */
export class PublicationFailed extends PublisherError {
  readonly state: PublicationState;

  constructor(
    code: ErrorCode,
    message: string,
    state: PublicationState,
    options: { cause?: unknown; retryable?: boolean },
  ) {
    super(code, `${message} ${describeState(state)}`, options);
    this.name = 'PublicationFailed';
    this.state = state;
  }

  /** From what ended it, keeping the code. */
  static from(thrown: unknown, state: PublicationState): PublicationFailed {
    const { code, message, retryable } = asPublisherError(thrown);
    return new PublicationFailed(code, sentence(message), state, { cause: thrown, retryable });
  }
}

/** In words for people: which tags moved where, and which did not. */
export function describeState({ moves, left, unread }: PublicationState): string {
  const waiting = left.filter(({ action }) => action === 'create' || action === 'move');
  const kept = left.filter(({ action }) => action === 'keep');
  const parts = [
    moves.length === 0
      ? 'No tag was moved.'
      : `Moved: ${moves.map(({ repository, tag, after }) => `${repository}:${tag} to ${after ?? 'nothing'}`).join(', ')}.`,
    waiting.length === 0 ? '' : `Not moved: ${waiting.map(told).join(', ')}.`,
    kept.length === 0 ? '' : `Right already: ${kept.map(({ repository, tag }) => `${repository}:${tag}`).join(', ')}.`,
    unread.length === 0 ? '' : `Unknown: the tags of ${unread.join(', ')}.`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

const told = ({ repository, tag, before }: TagStep) =>
  `${repository}:${tag} (${before === null ? 'not there yet' : `at ${before}`})`;

const sentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);
