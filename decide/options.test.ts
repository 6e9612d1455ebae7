import { describe, expect, test } from 'vitest';
import { checkOptions, nearest, type OptionSpec, unknownName } from './options.ts';

const specs: OptionSpec[] = [
  {
    name: 'goalSeconds',
    label: 'Goal',
    help: 'How long.',
    type: 'number',
    unit: 's',
    minimum: 1,
    maximum: 60,
    default: 30,
  },
  { name: 'queue', label: 'Queue', help: 'Which queue.', type: 'text' },
  { name: 'mode', label: 'Mode', help: 'How.', type: 'text', choices: ['fast', 'slow'], optional: true },
  { name: 'exact', label: 'Exact', help: 'Whether.', type: 'boolean', optional: true },
];

function problems(given: Record<string, unknown>): readonly string[] {
  const checked = checkOptions(specs, given);
  return checked.ok ? [] : checked.problems;
}

test('defaults are filled in, what is optional may be left out', () => {
  expect(checkOptions(specs, { queue: 'mail' })).toEqual({
    ok: true,
    options: { goalSeconds: 30, queue: 'mail' },
  });
});

describe('every problem says what to write', () => {
  test.each([
    [{}, 'option "queue" is missing: Which queue.'],
    [{ queue: 'a', gaolSeconds: 3 }, 'unknown option "gaolSeconds", did you mean "goalSeconds"?'],
    [{ queue: 'a', goalSeconds: '30' }, 'option "goalSeconds" must be a number, not "30"'],
    [{ queue: 'a', goalSeconds: 0 }, 'option "goalSeconds" must be at least 1 s, not 0'],
    [{ queue: 'a', goalSeconds: 61 }, 'option "goalSeconds" must be at most 60 s, not 61'],
    [{ queue: 'a', goalSeconds: Number.NaN }, 'option "goalSeconds" must be a finite number'],
    [{ queue: 'a', mode: 'fats' }, 'unknown value of "mode" "fats", did you mean "fast"?'],
    [{ queue: 'a', exact: 'yes' }, 'option "exact" must be a boolean, not "yes"'],
  ])('%j', (given, problem) => {
    expect(problems(given)).toEqual([problem]);
  });

  test('all of them at once', () => {
    expect(problems({ goalSeconds: 0, mode: 'x' })).toHaveLength(3);
  });
});

test('a name is near within a third of its length', () => {
  expect(nearest('wrker', ['web', 'worker'])).toBe('worker');
  expect(nearest('zebra', ['web', 'worker'])).toBeUndefined();
  expect(unknownName('rule', 'zebra', ['web', 'worker'])).toBe(
    'unknown rule "zebra", there is "web", "worker"',
  );
  expect(unknownName('rule', 'zebra', [])).toBe('unknown rule "zebra", there is none');
});
