import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { managerOf } from './contract.ts';
import { HeadcountError } from './errors.ts';
import { checkManager, createLimit, createRule, limits, rules } from './registry.ts';

function caught(run: () => unknown): HeadcountError {
  try {
    run();
  } catch (error) {
    if (error instanceof HeadcountError) return error;
  }
  throw new Error('it did not fail as it should');
}

describe.each([
  ['rules', rules],
  ['limits', limits],
] as const)('%s', (folder, kinds) => {
  const here = new URL(`./${folder}/`, import.meta.url);

  test('the list and the folder name the same', () => {
    const files = readdirSync(here).filter((file) => !file.endsWith('.test.ts'));
    expect(kinds.map(({ use }) => `${use}.ts`).toSorted()).toEqual(files.toSorted());
  });

  test('each has a test that joins the suite', () => {
    for (const { use } of kinds) {
      const file = new URL(`${use}.test.ts`, here);
      expect(existsSync(file) && readFileSync(file, 'utf8'), use).toContain("from '../contract.ts'");
    }
  });

  test('each is documented', () => {
    const page = readFileSync(new URL('../docs/how-decisions-are-made.md', import.meta.url), 'utf8');
    for (const { use, options } of kinds) {
      expect(page).toContain(`\`${use}\``);
      for (const { name } of options.filter((option) => option.name !== 'why'))
        expect(page, use).toContain(`\`${name}\``);
    }
  });
});

test('an unknown name is met with the one that was meant', () => {
  const error = caught(() => createRule({ use: 'wait-gaol', options: {} }));
  expect(error.code).toBe('ADAPTER_UNKNOWN');
  expect(error.message).toContain('did you mean "wait-goal"?');
  expect(caught(() => createLimit({ use: 'xyz', options: {} })).message).toContain(
    'there is "hold-on-unknown"',
  );
});

test('wrong options are met with what to write', () => {
  const error = caught(() => createRule({ use: 'queue-size', options: { raito: 5 } }));
  expect(error.code).toBe('OPTION_INVALID');
  expect(error.message).toContain('did you mean "ratio"?');
  expect(error.message).toContain('option "ratio" is missing');
  expect(caught(() => createLimit({ use: 'step', options: { maxUp: 0 } })).message).toContain(
    'at least 1 processes',
  );
});

test('a manager is checked as a whole', () => {
  expect(checkManager(managerOf())).toEqual([]);
  const problems = checkManager(
    managerOf({
      rules: [{ use: 'wait-goal', options: { goalSecond: 3 } }],
      limits: [
        { use: 'cooldwon', options: {} },
        { use: 'bounds', options: { minimum: 1, maximum: 2 } },
      ],
      minimum: 5,
      maximum: 2,
      hold: { count: -1 },
    }),
  );
  expect(problems).toEqual([
    'rule "wait-goal": unknown option "goalSecond", did you mean "goalSeconds"?',
    'unknown limit "cooldwon", did you mean "cooldown"?',
    'limit "bounds" is always on and cannot be listed: remove it from the limits',
    'the minimum (5) is above the maximum (2)',
    'the hold must be a whole number from 0, not -1',
  ]);
  expect(checkManager(managerOf({ maximum: 1.5 }))).toEqual([
    'the maximum must be a whole number from 0, not 1.5',
  ]);
});
