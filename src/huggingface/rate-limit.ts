import type { Clock } from '../clock.ts';
import { PublisherError } from '../errors.ts';
import { cancelled, pause, retryAfterOf } from '../http/retry.ts';
import type { WireResponse } from '../http/wire.ts';
import { HubAnswer } from './answer.ts';
import { limitsIn } from './rate-limit-headers.ts';

/** What the Hub counts together: a kind of request (`api`, `resolvers`), by address or by token. */
export interface Lane {
  bucket: string;
  authorised: boolean;
}

export interface WaitOptions {
  /** Milliseconds. */
  patienceMs: number;
  signal: AbortSignal | undefined;
}

/**
 * Keeps all requests of a process under the Hub's rate limit, by what its answers say is left. A lane's states:
 *
 *     unknown ──answer says r left──▶ open ──r = 0──▶ closed      any of them ──429──▶ refused
 *        ▲                             │                │             ▲                   │
 *        └──────── the window ends ────┴────────────────┘             └─── asked wait ────┘
 *
 * While open, no more requests are under way than are left, for each of them may still have to be counted.
 */
export interface RateLimiter {
  /**
   * Runs a request as soon as the limit permits.
   * @throws PublisherError `hub-unavailable`, without asking, when that takes more than `patienceMs`; `cancelled`
   */
  during<T>(lane: Lane, options: WaitOptions, request: () => Promise<T>): Promise<T>;
  /** Reads the rate limit off an answer. */
  learn(lane: Lane, response: Pick<WireResponse, 'status' | 'headers'>): void;
}

export interface RateLimiterOptions {
  clock: Clock;
  /** Called once for each time that requests start to wait, with the milliseconds until the window ends. */
  onWait?: (ms: number) => void;
}

interface LaneState {
  /** Requests left in the window; null = unknown. */
  left: number | null;
  /** When the window ends, milliseconds since the epoch. */
  endsAt: number;
  /** When the Hub, having refused a request, wants the next one; milliseconds since the epoch. */
  refusedUntil: number;
  underWay: number;
  /** Resolves when the next request under way is answered. */
  answered: PromiseWithResolvers<void>;
  /** The moment that requests are known to wait for. */
  announced: number | null;
}

/** The Hub tells the window's end in whole seconds, perhaps rounded down; two answers of one window may be twice this far apart. */
const SECOND_MS = 1_000;

export function createRateLimiter({ clock, onWait }: RateLimiterOptions): RateLimiter {
  const states = new Map<string, LaneState>();
  const stateOf = ({ bucket, authorised }: Lane): LaneState => {
    const key = `${bucket} ${authorised}`;
    const state = states.get(key) ?? {
      left: null,
      endsAt: 0,
      refusedUntil: 0,
      underWay: 0,
      answered: Promise.withResolvers(),
      announced: null,
    };
    states.set(key, state);
    return state;
  };

  /** Counts the request as under way in the very step in which it may go: another could slip in between. */
  async function admit(state: LaneState, { patienceMs, signal }: WaitOptions): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw cancelled(signal);
      const now = clock.now();
      if (state.endsAt <= now) state.left = null;
      const until = Math.max(state.refusedUntil, state.left === 0 ? state.endsAt : 0);
      if (until > now) {
        if (until - now > patienceMs) throw exhausted(until - now);
        await sleepUntil(state, until, signal);
        // After the wait it counts as over, whatever the clock says: the next answer knows better.
        if (state.refusedUntil <= until) state.refusedUntil = 0;
        if (state.endsAt <= until) state.left = null;
      } else if (state.left !== null && state.left <= state.underWay) {
        await state.answered.promise;
      } else {
        state.underWay += 1;
        return;
      }
    }
  }

  async function sleepUntil(state: LaneState, until: number, signal: AbortSignal | undefined): Promise<void> {
    const ms = until - clock.now();
    if (state.announced !== until) onWait?.(ms);
    state.announced = until;
    await pause(clock, ms + SECOND_MS, signal);
  }

  function update(state: LaneState, left: number, endsAt: number): void {
    // A window begins when the last one is over; within one answers overtake each other, and the fewest left is the truth.
    const isNew = state.left === null || state.endsAt <= clock.now() || endsAt > state.endsAt + 2 * SECOND_MS;
    if (isNew) state.endsAt = endsAt;
    state.left = isNew ? left : Math.min(state.left ?? left, left);
  }

  return {
    async during(lane, options, request) {
      const state = stateOf(lane);
      await admit(state, options);
      try {
        return await request();
      } finally {
        state.underWay -= 1;
        state.answered.resolve();
        state.answered = Promise.withResolvers();
      }
    },
    learn(lane, { headers, status }) {
      const now = clock.now();
      const asked = status === 429 ? retryAfterOf(headers, now) : null;
      if (asked !== null) {
        stateOf(lane).refusedUntil = now + asked;
        return;
      }
      for (const { bucket, left, seconds } of limitsIn(headers)) {
        update(stateOf({ ...lane, bucket }), left, now + seconds * 1000);
      }
    },
  };
}

/** The bucket in which the Hub counts a request. */
export function bucketOf({ pathname }: URL): string {
  return pathname.startsWith('/api/') && !pathname.startsWith('/api/resolve-cache/') ? 'api' : 'resolvers';
}

/** As if the Hub had refused, which it would have. */
function exhausted(ms: number): PublisherError {
  return new PublisherError('hub-unavailable', 'The Hub limits our request rate', {
    cause: new HubAnswer(429, 'not asked', ms),
  });
}
