import type { Call, Reply } from './http.ts';

/** Something that goes wrong on purpose. */
export interface Fault {
  method?: string;
  /** Matched against the path without query. */
  path: RegExp;
  /** How often; default once. */
  times?: number;
  /** `disconnect` drops the connection. */
  answer: Reply | 'disconnect';
  /** The request is carried out first; only its answer is lost. */
  afterwards?: boolean;
}

export interface Faults {
  add(fault: Fault): void;
  clear(): void;
  /** The fault for this call, used up by one. */
  take(call: Pick<Call, 'method' | 'path'>): Fault | null;
}

export function createFaults(): Faults {
  let waiting: { fault: Fault; left: number }[] = [];
  return {
    add(fault) {
      waiting.push({ fault, left: fault.times ?? 1 });
    },
    clear() {
      waiting = [];
    },
    take({ method, path }) {
      const hit = waiting.find(({ fault }) => (fault.method ?? method) === method && fault.path.test(path));
      if (hit === undefined) return null;
      hit.left -= 1;
      if (hit.left === 0) waiting = waiting.filter((entry) => entry !== hit);
      return hit.fault;
    },
  };
}
