import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFormula, ruleNames } from './combine.ts';
import { anyView, managerOf, noon, processesOf, viewNow, viewOf } from './contract.ts';
import { decide } from './decide.ts';
import { checkManager } from './registry.ts';

const counts = new Map([
  ['wait-goal', 7],
  ['queue-size', 12],
  ['queue-size#2', 3],
]);

function value(text: string): number {
  const read = readFormula(text, [...counts.keys()]);
  return read.ok ? read.value(counts) : Number.NaN;
}

function problem(text: string): string {
  const read = readFormula(text, [...counts.keys()]);
  return read.ok ? '' : read.problem;
}

describe('a formula', () => {
  test.each([
    ['wait-goal', 7],
    ['max(wait-goal, queue-size / 2)', 7],
    ['min(wait-goal,queue-size,queue-size#2)', 3],
    ['wait-goal - queue-size#2', 4],
    ['1 + 2 * 3 - 4 / 8', 6.5],
    ['(1 + 2) * 3', 9],
    ['10 - 3 - 2', 5],
    ['12 / 3 / 2', 2],
    ['-2 + 5', 3],
    ['- (2 - 5) * 2', 6],
    ['ceil(queue-size / 5) + floor(7.9)', 10],
    ['  0.5*queue-size  ', 6],
  ])('%s is %d', (text, result) => {
    expect(value(text)).toBe(result);
  });

  test('the rules of a manager have names of their own', () => {
    expect(ruleNames(['queue-size', 'wait-goal', 'queue-size'])).toEqual([
      'queue-size',
      'wait-goal',
      'queue-size#2',
    ]);
  });
});

describe('an error points at the character', () => {
  test.each([
    ['', 'character 1: here comes a rule, a number or "(", but it ends'],
    [
      'wait-gaol + 1',
      'unknown rule "wait-gaol", did you mean "wait-goal"? (character 1; a minus between two names stands between spaces)',
    ],
    [
      '1 + wait-goal-queue-size',
      'unknown rule "wait-goal-queue-size", there is "wait-goal", "queue-size", "queue-size#2" (character 5; a minus between two names stands between spaces)',
    ],
    ['maxx(1, 2)', 'unknown function "maxx", did you mean "max"? (character 1)'],
    ['1 + * 2', 'character 5: here comes a rule, a number or "(", not "*"'],
    ['(1 + 2', 'character 7: here comes ")", but it ends'],
    ['1 2', 'character 3: here comes an operator or the end, not "2"'],
    ['wait-goal % 2', 'character 11: here comes an operator or the end, not "%"'],
    ['ceil(1, 2)', 'ceil takes at most 1, not 2 (character 1)'],
    [
      'constructor(1)',
      'unknown function "constructor", there is "min", "max", "ceil", "floor" (character 1)',
    ],
    ['('.repeat(41), 'it is nested more than 40 deep'],
    ['1'.repeat(501), 'it has 501 characters, at most 500 are read'],
  ])('%s', (text, expected) => {
    expect(problem(text)).toBe(expected);
  });

  test('and nothing that anybody writes makes it throw, hang or run', () => {
    const piece = fc.constantFrom(
      'wait-goal',
      'max',
      '(',
      ')',
      ',',
      '+',
      '-',
      '*',
      '/',
      '3',
      ' ',
      '`',
      'process.exit()',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((all) => all.join('')),
        ),
        (text) => {
          const read = readFormula(text, [...counts.keys()]);
          if (read.ok) expect(typeof read.value(counts)).toBe('number');
          else expect(read.problem).toMatch(/\S/);
        },
      ),
    );
  });

  test('it agrees with arithmetic', () => {
    const number = fc.nat(99).map(String);
    const sum = fc.letrec<{ term: string }>((tie) => ({
      term: fc.oneof(
        { maxDepth: 5 },
        number,
        fc
          .tuple(tie('term'), fc.constantFrom(' + ', ' - ', ' * '), tie('term'))
          .map(([a, sign, b]) => `(${a}${sign}${b})`),
      ),
    })).term;
    fc.assert(
      fc.property(sum, (text) => {
        const plain: unknown = new Function(`return ${text}`)();
        fc.pre(text.length <= 500);
        expect(value(text)).toBe(plain);
      }),
    );
  });
});

describe('in a decision', () => {
  const rules = [
    { use: 'queue-size', options: { ratio: 2 } },
    { use: 'queue-size', options: { ratio: 10 } },
  ];

  test('the formula leads, with what each rule wants', () => {
    const manager = managerOf({ rules, combine: 'queue-size - queue-size#2 * 2' });
    const { desired, reasons } = decide(manager, viewNow({ waiting: 40 }, processesOf(3)), noon);
    expect(desired).toBe(12);
    expect(reasons[0]).toEqual({
      by: 'combine',
      from: 3,
      to: 12,
      text: 'queue-size - queue-size#2 * 2 comes to 12 with queue-size 20 and queue-size#2 4',
    });
    expect(reasons.slice(1).map(({ text }) => text.split(':')[0])).toEqual(['wants 20', 'wants 4']);
  });

  test('a part of a process is a process, and less than none is none', () => {
    const at = (combine: string) =>
      decide(managerOf({ rules, combine }), viewNow({ waiting: 40 }), noon).desired;
    expect(at('queue-size / 3')).toBe(7);
    expect(at('queue-size - 50')).toBe(0);
  });

  test.each(['queue-size / (queue-size - queue-size)', 'queue-siez', 'queue-size +'])(
    'one that cannot be told keeps the count: %s',
    (combine) => {
      const view = viewNow({ waiting: 0 }, processesOf(5));
      expect(decide(managerOf({ rules, combine }), view, noon)).toMatchObject({ desired: 5, unknown: true });
    },
  );

  test('a rule that cannot tell makes a formula over it unknown, and one without it not', () => {
    const mixed = [...rules, { use: 'no-such-rule', options: {} }];
    const view = viewNow({ waiting: 40 }, processesOf(30));
    const over = decide(managerOf({ rules: mixed, combine: 'no-such-rule + 1' }), view, noon);
    expect(over).toMatchObject({ desired: 30, unknown: true });
  });

  test('a manager with a wrong formula is not saved', () => {
    expect(checkManager(managerOf({ combine: 'wait-gaol' }))).toEqual([
      'combine: unknown rule "wait-gaol", did you mean "wait-goal"? (character 1; a minus between two names stands between spaces)',
    ]);
  });

  test('max over all rules is what happens without it', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const plain = decide(managerOf({ rules }), viewOf(view), noon);
        const formula = decide(managerOf({ rules, combine: 'max(queue-size, queue-size#2)' }), view, noon);
        expect(formula.desired).toBe(plain.desired);
        expect(formula.unknown).toBe(plain.unknown);
      }),
    );
  });
});
