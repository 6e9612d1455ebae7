import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compact, count, plural, relative, seconds } from './formats.ts';

test('numbers have separators and unknown is a word', () => {
  expect(count(12_430)).toBe('12,430');
  expect(count(0)).toBe('0');
  expect(count(undefined)).toBe('unknown');
  expect(count(0.25)).toBe('0.3');
  expect([compact(950), compact(12_000), compact(300_000)]).toEqual(['950', '12K', '300K']);
  expect([plural(1, 'worker'), plural(0, 'worker'), plural(2, 'stretch', 'stretches')]).toEqual([
    '1 worker',
    '0 workers',
    '2 stretches',
  ]);
});

test.each([
  [0, '0 s'],
  [0.0042, '4.2 ms'],
  [0.42, '0.4 s'],
  [41.2, '41 s'],
  [59.7, '1 min'],
  [90, '1 min 30 s'],
  [3_599.6, '1 h'],
  [5_400, '1 h 30 min'],
  [86_400, '1 d'],
  [93_600, '1 d 2 h'],
])('%d seconds read as %s', (value, text) => {
  expect(seconds(value)).toBe(text);
});

test('a duration never reads as 60 of a smaller unit', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 4e7, noNaN: true }), (value) => {
      expect(seconds(value)).not.toMatch(/\b60 (s|min)\b|\b24 h\b/);
    }),
  );
});

test('a time is told by its distance', () => {
  const now = 1_760_000_000_000;
  expect(relative(now - 500, now)).toBe('now');
  expect(relative(now - 12_000, now)).toBe('12 s ago');
  expect(relative(now + 299_000, now)).toBe('in 5 min');
  expect(relative(now - 3 * 86_400_000, now)).toBe('3 d ago');
});
