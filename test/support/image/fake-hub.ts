import { PublisherError } from '../../../src/errors.ts';
import type { FactsResult, Hub, HubFile, ModelAt } from '../../../src/huggingface/types.ts';

/** A Hub that answers from a table: facts by the name asked for, content by path. */
export class FakeHub implements Hub {
  readonly endpoint = 'https://hub.invalid';
  /** `id@revision` of every question. */
  readonly asked: string[] = [];
  /** Path of every download. */
  readonly downloads: string[] = [];
  /** `path begin-end` of every request for a part. */
  readonly ranges: string[] = [];
  readonly answers: Record<string, FactsResult>;
  readonly content: Record<string, Uint8Array>;

  constructor(answers: Record<string, FactsResult> = {}, content: Record<string, Uint8Array> = {}) {
    this.answers = answers;
    this.content = content;
  }

  async facts(id: string, revision: string | null): Promise<FactsResult> {
    this.asked.push(`${id}@${revision ?? 'latest'}`);
    return this.answers[id] ?? { kind: 'not-found', message: `${id} is not on the Hub` };
  }

  async *download(model: ModelAt, file: HubFile): AsyncGenerator<Uint8Array> {
    this.downloads.push(file.path);
    const found = this.content[file.path];
    if (found === undefined) throw new PublisherError('hub-not-found', `${model.id} has no ${file.path}`);
    yield found;
  }

  async *range(model: ModelAt, file: HubFile, begin: number, end: number): AsyncGenerator<Uint8Array> {
    this.ranges.push(`${file.path} ${begin}-${end}`);
    const found = this.content[file.path];
    if (found === undefined) throw new PublisherError('hub-not-found', `${model.id} has no ${file.path}`);
    if (begin < end) yield found.subarray(begin, end);
  }

  async read(model: ModelAt, file: HubFile): Promise<Uint8Array> {
    return Buffer.concat(await Array.fromAsync(this.download(model, file)));
  }
}
