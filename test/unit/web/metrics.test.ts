import { expect, test } from 'vitest';
import { formatMetrics } from '../../../src/web/metrics.ts';

test('metrics are Prometheus text, with their labels escaped', () => {
  const text = formatMetrics([
    { name: 'jobs', help: 'Jobs.', type: 'gauge', samples: [{ labels: { queue: 'a"b\\c\nd', state: 'x' }, value: 2 }] },
    { name: 'up', help: 'Up.', type: 'counter', samples: [{ value: 1.5 }] },
  ]);
  expect(text).toBe(
    '# HELP jobs Jobs.\n# TYPE jobs gauge\njobs{queue="a\\"b\\\\c\\nd",state="x"} 2\n# HELP up Up.\n# TYPE up counter\nup 1.5\n',
  );
});
