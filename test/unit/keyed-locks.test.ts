import { expect, test } from 'vitest';
import { createKeyedLocks } from '../../src/keyed-locks.ts';

test('work under one key runs one after the other, also after a failure; other keys do not wait', async () => {
  const locks = createKeyedLocks();
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = locks.run('a', async () => {
    await gate.promise;
    order.push('first');
    throw new Error('failed');
  });
  const second = locks.run('a', async () => order.push('second'));
  await locks.run('b', async () => order.push('other'));
  expect(order).toEqual(['other']);
  gate.resolve();
  await expect(first).rejects.toThrow('failed');
  await second;
  expect(order).toEqual(['other', 'first', 'second']);
});
