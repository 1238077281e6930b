import type { Clock } from '../clock.ts';
import type { BuildProgress, Lane } from './types.ts';

/** Milliseconds over which the rate is taken: long enough to be calm, short enough to be true. */
const WINDOW_MS = 10_000;
const SAMPLE_MS = 250;
/** Milliseconds between two reports of what moves: chunks come by the thousand a second. */
const REPORT_MS = 100;

/** Counts what moves, in all and by lane, knows how fast and how long still, and tells. */
export class Meter {
  readonly #clock: Clock;
  readonly #total: number;
  readonly #onProgress: ((progress: BuildProgress) => void) | undefined;
  readonly #lanes = new Set<Lane>();
  #step = '';
  #finished = 0;
  #moved = 0;
  #samples: { at: number; done: number }[] = [];
  #told = Number.NEGATIVE_INFINITY;

  /**
   * @param total bytes that have to come through if nothing is reused
   * @param onProgress told at once of steps and of layers that end, of what moves now and then
   */
  constructor(clock: Clock, total: number, onProgress?: (progress: BuildProgress) => void) {
    this.#clock = clock;
    this.#total = total;
    this.#onProgress = onProgress;
  }

  enter(step: string): void {
    this.#step = step;
    this.#tell(true);
  }

  /** A lane that begins; it counts until {@link finish}. */
  begin(name: string, total: number): Lane {
    const lane = { name, done: 0, total };
    this.#lanes.add(lane);
    return lane;
  }

  /** Its bytes are through, or were found in place. */
  finish(lane: Lane): void {
    this.#lanes.delete(lane);
    this.#finished += lane.total;
    this.#tell(true);
  }

  /** It failed: what it had done does not count. */
  drop(lane: Lane): void {
    this.#lanes.delete(lane);
    this.#tell(true);
  }

  /** Bytes of a lane, as its content is read. */
  advance(lane: Lane, bytes: number): void {
    lane.done += bytes;
    this.move(bytes);
  }

  /** Bytes on the way anywhere, which tells a slow build from one that stands still. */
  move(bytes: number): void {
    if (bytes > 0) this.#moved += bytes;
    this.#tell(false);
  }

  progress(): BuildProgress {
    const lanes = [...this.#lanes];
    const done = Math.min(this.#total, this.#finished + lanes.reduce((sum, lane) => sum + lane.done, 0));
    const bytesPerSecond = this.#rate(done);
    return {
      step: this.#step,
      bytesDone: done,
      bytesTotal: this.#total,
      moved: this.#moved,
      lanes: lanes.map((lane) => ({ ...lane })),
      bytesPerSecond,
      secondsLeft: bytesPerSecond > 0 ? Math.ceil((this.#total - done) / bytesPerSecond) : null,
    };
  }

  #tell(always: boolean): void {
    const now = this.#clock.now();
    if (this.#onProgress === undefined || (!always && now - this.#told < REPORT_MS)) return;
    this.#told = now;
    this.#onProgress(this.progress());
  }

  #rate(done: number): number {
    const now = this.#clock.now();
    const latest = this.#samples.at(-1);
    if (latest === undefined || now - latest.at >= SAMPLE_MS) this.#samples.push({ at: now, done });
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > WINDOW_MS) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || now <= first.at) return 0;
    return Math.max(0, Math.round(((done - first.done) * 1000) / (now - first.at)));
  }
}
