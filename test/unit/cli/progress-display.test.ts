import { describe, expect, it } from 'vitest';
import { createOutput } from '../../../src/cli/output.ts';
import { showProgress } from '../../../src/cli/progress-display.ts';
import { manualClock } from '../../support/clock/manual-clock.ts';

function setUp({ json = false, tty = true }) {
  const written: string[] = [];
  const clock = manualClock();
  const stderr = { write: (text: string) => void written.push(text), isTTY: tty, columns: 60 };
  const output = createOutput({ stdout: stderr, stderr }, json, (text) => text.replace('secret', '***'));
  return { written, clock, output, show: () => showProgress({ label: 'plan', unit: 'models', output, clock }) };
}

const ERASE = '\r\u001b[K';

/** What a terminal shows after all that was written to it: lines, and what stands on the last one. */
function screen(written: string[]): string[] {
  const lines = [''];
  for (const part of written
    .join('')
    .replaceAll(ERASE, '⌫')
    .split(/(⌫|\n)/)) {
    if (part === '\n') lines.push('');
    else if (part === '⌫') lines.splice(-1, 1, '');
    else lines.push((lines.pop() ?? '') + part);
  }
  return lines;
}

describe('on a terminal', () => {
  it('is one line, redrawn at most ten times a second, and gone at the end', async () => {
    const { written, clock, show } = setUp({});
    const progress = show();
    for (let done = 1; done <= 100; done++) {
      await clock.advance(10);
      progress.update(done, 100);
    }
    expect(written.length).toBeLessThanOrEqual(11);
    expect(screen(written)).toEqual([expect.stringMatching(/^plan \[#+-*\] \d+ %, \d+ of 100 models/)]);
    progress.end();
    expect(screen(written)).toEqual(['']);
  });

  it('stays below what is said meanwhile', () => {
    const { written, output, show } = setUp({ json: true });
    show().update(1, 2);
    output.say('waiting for secret');
    expect(screen(written)).toEqual(['waiting for ***', expect.stringMatching(/^plan \[/)]);
  });
});

describe('without a terminal', () => {
  it('is a line every two seconds', async () => {
    const { written, clock, show } = setUp({ tty: false });
    const progress = show();
    for (let done = 1; done <= 50; done++) {
      await clock.advance(100);
      progress.update(done, 50);
    }
    progress.end();
    expect(written).toEqual([
      'plan: 40 %, 20 of 50 models, 2 s, 3 s left\n',
      'plan: 80 %, 40 of 50 models, 4 s, 1 s left\n',
    ]);
  });

  it('is nothing when a program listens', async () => {
    const { written, clock, show } = setUp({ tty: false, json: true });
    const progress = show();
    await clock.advance(60_000);
    progress.update(1, 2);
    progress.end();
    expect(written).toEqual([]);
  });
});
