import { code, escapeText, link } from '../../report/markdown.ts';
import { changesBetween, type ReleaseChanges, type Snapshot } from './snapshot.ts';

export interface NotesInput {
  /** The release before this one; null for the first. */
  previous: { tag: string; snapshot: Snapshot } | null;
  snapshot: Snapshot;
  /** Address of the Hub for people, e.g. `https://huggingface.co`. */
  hub: string;
}

const BEGIN = '<!-- model-image-publisher:release-notes -->';
const END = '<!-- /model-image-publisher:release-notes -->';
/** Rows of one list: a catalog of thousands must fit into a release's text. */
const MOST = 200;

/** The notes of a release in Markdown: what changed since the one before, and what there is to pull. */
export function releaseNotes({ previous, snapshot, hub }: NotesInput): string {
  const changes = changesBetween(previous?.snapshot ?? null, snapshot);
  const since = previous === null ? 'The first release.' : `Since ${code(previous.tag)}:`;
  const told = changeLists(changes, hub);
  const sections = [
    ...(told.length > 0 || previous === null ? [] : ['No model and no base changed.']),
    ...told,
    list('Images', snapshot.images.map(image)),
    list('Runtime images', snapshot.runtimes.map(runtime)),
  ];
  return ['## Model images', since, ...sections.filter((section) => section !== '')].join('\n\n');
}

/** The author's text with the notes below it; notes written before are replaced where they stand. */
export function withNotes(body: string, notes: string): string {
  const block = `${BEGIN}\n${notes}\n${END}`;
  const start = body.indexOf(BEGIN);
  const end = start === -1 ? -1 : body.indexOf(END, start);
  if (end !== -1) return `${body.slice(0, start)}${block}${body.slice(end + END.length)}`;
  const text = body.trimEnd();
  return text === '' ? block : `${text}\n\n${block}`;
}

function changeLists({ added, removed, updated, bases }: ReleaseChanges, hub: string): string[] {
  const page = (id: string) => link(id, `${hub}/${id}`);
  const lists = [
    list(
      'Added',
      added.map(({ short, model, revision }) => `${code(short)}: ${page(model)} at ${code(revision.slice(0, 12))}`),
    ),
    list(
      'Updated',
      updated.map(({ short, before, after }) => `${code(short)}: ${revisionChange(before, after, hub)}`),
    ),
    list(
      'Removed',
      removed.map(({ short, model }) => `${code(short)} (${page(model)}); the tags it had stay`),
    ),
    list(
      'Bases',
      bases.map(({ runtime: name, before, after }) => `${code(name)}: ${baseName(before)} → ${baseName(after)}`),
    ),
  ];
  return lists.filter((text) => text !== '');
}

function revisionChange(
  before: { model: string; revision: string },
  after: { model: string; revision: string },
  hub: string,
): string {
  const [old, now] = [before.revision.slice(0, 12), after.revision.slice(0, 12)];
  if (before.model !== after.model) {
    return `${escapeText(before.model)} at ${code(old)} → ${link(after.model, `${hub}/${after.model}`)} at ${code(now)}`;
  }
  const compare = `${hub}/${after.model}/compare/${before.revision}..${after.revision}`;
  return `${code(old)} → ${code(now)} (${link('compare', compare)})`;
}

const baseName = ({ reference, digest }: { reference: string; digest: string }): string =>
  `${code(reference)} at ${code(digest.slice(0, 19))}`;

function image({ short, variant, runtime: name, digest, repositories, tags }: Snapshot['images'][number]): string {
  const named = repositories.map((repository) => code(`${repository}:${tags[0] ?? ''}`)).join(', ');
  return `${code(short)} ${variant} on ${code(name)}: ${named} at ${code(digest)}`;
}

function runtime({ name, digest, repositories, tags }: Snapshot['runtimes'][number]): string {
  const named = repositories.map((repository) => code(`${repository}:${tags[0] ?? ''}`)).join(', ');
  return `${code(name)}: ${named} at ${code(digest)}`;
}

function list(title: string, rows: readonly string[]): string {
  if (rows.length === 0) return '';
  const more = rows.length > MOST ? [`- … and ${rows.length - MOST} more`] : [];
  return [`### ${title}`, '', ...rows.slice(0, MOST).map((row) => `- ${row}`), ...more].join('\n');
}
