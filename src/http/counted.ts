import type { Http } from './fetch.ts';

/** The same client, with a word before each request. */
export function counted({ fetch, wire }: Http, onRequest: () => void): Http {
  return {
    fetch: (input, init) => {
      onRequest();
      return fetch(input, init);
    },
    wire: (url, request) => {
      onRequest();
      return wire(url, request);
    },
  };
}
