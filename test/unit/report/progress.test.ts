import { describe, expect, it } from 'vitest';
import { laneTable, progressWords } from '../../../src/report/progress.ts';

const GB = 1e9;

describe('progressWords', () => {
  it.each([
    [{ step: 'starting', bytesDone: 0, bytesTotal: 0 }, 'starting'],
    [{ step: 'streaming weights', bytesDone: GB, bytesTotal: 5 * GB }, 'streaming weights (1 GB of 5 GB)'],
    [
      { step: 'streaming weights', bytesDone: GB, bytesTotal: 5 * GB, bytesPerSecond: 1.2e8, secondsLeft: 34 },
      'streaming weights (1 GB of 5 GB, 120 MB/s, 34 s left)',
    ],
    [
      { step: 'streaming weights', bytesDone: 0, bytesTotal: GB, bytesPerSecond: 0, secondsLeft: null },
      'streaming weights (0 B of 1 GB)',
    ],
    [{ step: 'writing manifests', bytesDone: GB, bytesTotal: GB, bytesPerSecond: 5 }, 'writing manifests'],
  ])('%j', (progress, words) => {
    expect(progressWords(progress)).toBe(words);
  });
});

describe('laneTable', () => {
  it('shows each layer on its way, and nothing when none is', () => {
    expect(laneTable({ step: 's', bytesDone: 0, bytesTotal: 1 })).toEqual([]);
    const lanes = [{ name: 'models/x/a|b.safetensors', done: 30, total: 90 }];
    const [, , row] = laneTable({ step: 's', bytesDone: 0, bytesTotal: 1, lanes });
    expect(row).toContain('| 90 B | 33 % |');
    expect(row).toContain('a\\|b');
  });
});
