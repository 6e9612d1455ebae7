import { expect, test } from 'vitest';
import { adapters } from './fixture-data.ts';
import { hasProblem, newChoice, problemWith, withOption } from './option-values.ts';

const goal = adapters.rules[0]!.options[0]!;
const ratio = adapters.rules[1]!.options[0]!;

test('values are checked against their description', () => {
  expect(problemWith(goal, 30)).toBeUndefined();
  expect(problemWith(goal, 0)).toBe('At least 1 s.');
  expect(problemWith(goal, 90_000)).toBe('At most 86400 s.');
  expect(problemWith(goal, Number.NaN)).toBe('This must be a number.');
  expect(problemWith(goal, undefined)).toBeUndefined();
  expect(problemWith(ratio, undefined)).toBe('This is needed.');
});

test('a new choice has the defaults, and what is needed is missed', () => {
  const chosen = newChoice(adapters.rules[1]!);
  expect(chosen).toEqual({ use: 'queue-size', options: { count: 'waiting', eager: true } });
  expect(hasProblem([chosen], adapters.rules)).toBe(true);
  expect(hasProblem([{ ...chosen, options: withOption(chosen.options, 'ratio', 5) }], adapters.rules)).toBe(
    false,
  );
  expect(hasProblem([{ use: 'of-a-newer-controller', options: {} }], adapters.rules)).toBe(false);
});

test('an emptied option is left out', () => {
  expect(withOption({ a: 1, b: 2 }, 'a', '')).toEqual({ b: 2 });
  expect(withOption({ a: 1 }, 'a', 0)).toEqual({ a: 0 });
  expect(withOption({ a: true }, 'a', false)).toEqual({ a: false });
});
