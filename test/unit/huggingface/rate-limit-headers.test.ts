import { expect, it } from 'vitest';
import { limitsIn } from '../../../src/huggingface/rate-limit-headers.ts';

it.each([
  ['"api";r=12;t=55', undefined, [{ bucket: 'api', left: 12, seconds: 55 }]],
  ['"api";t=55;r=0', undefined, [{ bucket: 'api', left: 0, seconds: 55 }]],
  [
    '"api";r=1;t=5, "resolvers" ; r=2 ; t=9',
    undefined,
    [
      { bucket: 'api', left: 1, seconds: 5 },
      { bucket: 'resolvers', left: 2, seconds: 9 },
    ],
  ],
  ['"api";r=3', '"fixed window";"api";q=500;w=120', [{ bucket: 'api', left: 3, seconds: 120 }]],
  ['"api";r=3', '"fixed window";"pages";q=500;w=120', [{ bucket: 'api', left: 3, seconds: 300 }]],
  ['"api";t=5', undefined, []],
  ['api=3', undefined, []],
  ['"api";r=many;t=5', undefined, []],
  ['', undefined, []],
])('%s with the policy %s', (limit, policy, expected) => {
  const headers = new Headers({ ratelimit: limit, ...(policy === undefined ? {} : { 'ratelimit-policy': policy }) });
  expect(limitsIn(headers)).toEqual(expected);
});
