import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Move, moved, rangeIn, rangeOf } from './chart-range.ts';

const now = 1_760_000_000_000;
const hour = 3_600_000;
const range = { from: now - 4 * hour, to: now - 2 * hour };

test('drawn over from either side, and never shorter than a minute', () => {
  expect(rangeOf(now - hour, now - 2 * hour, now)).toEqual({ from: now - 2 * hour, to: now - hour });
  const short = rangeOf(now - hour, now - hour + 5, now);
  expect(short.to - short.from).toBe(60_000);
});

test('narrowed, widened and moved by half of what is shown', () => {
  expect(moved(range, 'in', now)).toEqual({ from: now - 3.5 * hour, to: now - 2.5 * hour });
  expect(moved(range, 'out', now)).toEqual({ from: now - 5 * hour, to: now - hour });
  expect(moved(range, 'earlier', now)).toEqual({ from: now - 5 * hour, to: now - 3 * hour });
  expect(moved(range, 'later', now)).toEqual({ from: now - 3 * hour, to: now - hour });
});

test('whatever is done, the stretch can be shown and stands in the address', () => {
  const move = fc.constantFrom<Move>('in', 'out', 'earlier', 'later');
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const end = moves.reduce((at, each) => moved(at, each, now), range);
      expect(end.to).toBeLessThanOrEqual(now);
      expect(rangeIn({ ...end })).toEqual(end);
    }),
  );
});

test('what is no stretch of time in the address is none', () => {
  expect(rangeIn({ from: now - hour, to: now })).toEqual({ from: now - hour, to: now });
  for (const wrong of [
    {},
    { from: 5 },
    { from: now, to: now - hour },
    { from: '1', to: '2' },
    { from: 0.5, to: now },
  ])
    expect(rangeIn(wrong)).toBeUndefined();
});
