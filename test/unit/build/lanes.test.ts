import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inLanes } from '../../../src/build/lanes.ts';
import { PublisherError } from '../../../src/errors.ts';

/** Ends when the signal says so, as every well-behaved task does. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

describe('inLanes', () => {
  it('gives results in the order of the items, whatever order they end in, never more at once than lanes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (turns, width) => {
        let running = 0;
        let most = 0;
        const results = await inLanes(turns, width, undefined, async (turn) => {
          running += 1;
          most = Math.max(most, running);
          for (let at = 0; at < turn; at += 1) await new Promise(setImmediate);
          running -= 1;
          return turn * 2;
        });
        expect(results).toEqual(turns.map((turn) => turn * 2));
        expect(most).toBeLessThanOrEqual(width);
        if (turns.length >= width && turns.every((turn) => turn > 0)) expect(most).toBe(width);
      }),
      { numRuns: 30 },
    );
  });

  it('rethrows the first failure, after it has aborted and awaited what was running', async () => {
    const ended: string[] = [];
    const started: number[] = [];
    const first = new Error('the first');
    const work = inLanes([0, 1, 2, 3, 4], 3, undefined, async (item, signal) => {
      started.push(item);
      if (item === 1) throw first;
      await untilAborted(signal).catch(() => undefined);
      await new Promise(setImmediate);
      ended.push(`task ${item}`);
      throw new Error('an echo');
    });
    await expect(work).rejects.toBe(first);
    expect(ended).toEqual(['task 0', 'task 2']);
    expect(started).toEqual([0, 1, 2]);
  });

  it('starts nothing more once its signal is aborted, and says cancelled', async () => {
    const stop = new AbortController();
    const started: number[] = [];
    const work = inLanes([0, 1, 2], 1, stop.signal, async (item) => {
      started.push(item);
      stop.abort(new Error('enough'));
    });
    await expect(work).rejects.toMatchObject({ code: 'cancelled' });
    expect(started).toEqual([0]);
  });

  it("keeps the signal's own reason when that is a cancellation already", async () => {
    const reason = new PublisherError('cancelled', 'The bot is stopping.');
    await expect(inLanes([0], 1, AbortSignal.abort(reason), async () => 0)).rejects.toBe(reason);
  });

  it('passes the abort on to running tasks', async () => {
    const stop = new AbortController();
    const work = inLanes([0], 1, stop.signal, (_item, signal) => untilAborted(signal));
    const reason = new PublisherError('cancelled', 'x');
    stop.abort(reason);
    await expect(work).rejects.toBe(reason);
  });

  it('does nothing for no items', async () => {
    expect(await inLanes([], 4, undefined, async () => 1)).toEqual([]);
  });
});
