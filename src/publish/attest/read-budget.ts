import { PublisherError } from '../../errors.ts';

/**
 * How much may be read of what lies beside one image: whoever may push can put anything there. What does not fit ends the reading, since
 * what is left out might be what is looked for.
 */
export class ReadBudget {
  readonly #where: string;
  #items: number;
  #bytes: number;

  /** @param where for messages */
  constructor(where: string, most: { items: number; bytes: number }) {
    this.#where = where;
    this.#items = most.items;
    this.#bytes = most.bytes;
  }

  /** One more manifest or entry. @throws PublisherError `too-large` */
  item(): void {
    this.#items -= 1;
    if (this.#items < 0) throw this.#exceeded('more statements');
  }

  /** Bytes that will be kept. @throws PublisherError `too-large` */
  bytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw this.#exceeded('larger statements');
  }

  #exceeded(what: string): PublisherError {
    return new PublisherError(
      'too-large',
      `There are ${what} beside ${this.#where} than are read: remove those of others.`,
    );
  }
}
