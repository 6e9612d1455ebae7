import { expect, test } from 'vitest';
import { together } from './together.ts';

test('what comes meanwhile goes together, no more than fit, and everybody gets their own answer', async () => {
  const batches: number[][] = [];
  const gates: (() => void)[] = [];
  const double = together<number, number>({ calls: 3, statements: 1 }, async (asked) => {
    batches.push([...asked]);
    await new Promise<void>((resolve) => gates.push(resolve));
    return asked.map((one) => 2 * one);
  });
  const answers = Promise.all([1, 2, 3, 4, 5].map(double));
  expect(batches).toEqual([[1]]);
  for (let batch = 0; batch < 3; batch++) {
    await expect.poll(() => gates.length).toBe(batch + 1);
    gates[batch]?.();
  }
  expect(await answers).toEqual([2, 4, 6, 8, 10]);
  expect(batches).toEqual([[1], [2, 3, 4], [5]]);
});

test('a failure is told to those that it concerns, and the next go on', async () => {
  const fail = together<string, string>({ calls: 10, statements: 1 }, async (asked) => {
    if (asked.includes('bad')) throw new Error('refused');
    return asked;
  });
  const first = fail('good');
  const results = await Promise.allSettled([fail('bad'), fail('beside it')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await first).toBe('good');
  expect(await fail('later')).toBe('later');
});
