import { code, escapeText, prose } from './markdown.ts';
import { plural, shortDigest } from './numbers.ts';

/** Characters of all lines of one report about a publication: the check and the comment hold that much at least. */
const MOST = 50_000;

/** One published image, as far as people read about it. */
export interface ImageLine {
  short: string;
  variant: string;
  runtime: string;
  digest: string;
  /** `host/repository`. */
  repositories: string[];
  tags: string[];
  signed: boolean;
  scanned: boolean;
}

/** One model of a publication. */
export interface ModelLine {
  short: string;
  state: 'pending' | 'published' | 'failed';
  failure: string | null;
  /** What is not published, and is no failure. */
  notes: string[];
  images: ImageLine[];
}

/** One line, plain text: `2 models published, 1 failed.` */
export function publicationLine(models: readonly ModelLine[]): string {
  if (models.length === 0) return 'Everything is published as the catalog asks.';
  const count = (state: ModelLine['state']) => models.filter((model) => model.state === state).length;
  const parts = [
    [count('published'), 'published'],
    [count('failed'), 'not published'],
    [count('pending'), 'in progress'],
  ] as const;
  const told = parts.filter(([number]) => number > 0).map(([number, what]) => `${plural(number, 'model')} ${what}`);
  return `${told.join(', ')}.`;
}

/** Markdown: tags and digests of what is published, and why the rest is not. */
export function publicationBody(models: readonly ModelLine[]): string {
  const lines = models.flatMap((model) => [
    ...model.images.map(imageLine),
    ...model.notes.map((note) => `- ${prose(note)}`),
    ...(model.state === 'pending' ? [`- **${escapeText(model.short)}**: in progress`] : []),
    ...(model.failure ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `- **${escapeText(model.short)}** not published: ${prose(line.slice(0, 1_000))}`),
  ]);
  let characters = 0;
  const shown = lines.filter((line) => {
    characters += line.length + 1;
    return characters <= MOST;
  });
  const left = lines.length - shown.length;
  return [...shown, ...(left > 0 ? [`- … and ${left} more`] : [])].join('\n');
}

/** The one reply on a merged pull request. */
export function publicationReply(models: readonly ModelLine[], commit: string): string {
  const mark = models.some(({ state }) => state === 'failed')
    ? '❌'
    : models.some(({ state }) => state === 'pending')
      ? '⏳'
      : '🚀';
  return [
    `${mark} **Published**: ${prose(publicationLine(models))}`,
    '',
    publicationBody(models),
    '',
    `<sub>Commit ${code(commit.slice(0, 12))}.</sub>`,
  ].join('\n');
}

/** Title and text of the issue about a model that could not be published. */
export function publicationIssue(model: ModelLine, commit: string): { title: string; body: string } {
  return {
    title: `Publishing ${model.short} failed`,
    body: [
      `What commit ${code(commit)} asks for could not be published.`,
      '',
      publicationBody([model]),
      '',
      'It is tried again with the next push to the default branch. This issue is closed once it is published.',
    ].join('\n'),
  };
}

function imageLine({ short, variant, runtime, digest, repositories, tags, signed, scanned }: ImageLine): string {
  const said = [signed ? 'signed' : 'not signed', ...(scanned ? [] : ['not scanned'])].join(', ');
  const name = `**${escapeText(short)}** ${escapeText(variant)} (${escapeText(runtime)})`;
  const places = repositories.map((repository) => code(`${repository}@${digest}`)).join(', ');
  return `- ${name}: ${tags.map(code).join(' ')} → ${code(shortDigest(digest))}; ${said}; ${places}`;
}
