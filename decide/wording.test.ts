import { expect, test } from 'vitest';
import { duration, number } from './wording.ts';

test.each([
  [0, '0'],
  [7, '7'],
  [0.05, '0.05'],
  [12.345, '12.35'],
  [1_240, '1,240'],
  [1_240.56, '1,241'],
  [300_000, '300,000'],
  [1_234_567, '1,234,567'],
  [-1_240, '-1,240'],
])('%f reads %s', (value, text) => {
  expect(number(value)).toBe(text);
});

test.each([
  [0, '0 s'],
  [0.0123, '12.3 ms'],
  [0.9999, '1 s'],
  [1.25, '1.3 s'],
  [18.4, '18 s'],
  [119, '119 s'],
  [120, '2 min'],
  [600, '10 min'],
  [7_500, '2 h 5 min'],
  [7_200_000, '2,000 h'],
  [-5, '-5 s'],
])('%f seconds read %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});
