import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyView, managerOf, noon, processesOf, viewNow, viewOf } from './contract.ts';
import { decide } from './decide.ts';
import { explain, explainChain } from './explain.ts';
import { monthStart } from './wall-clock.ts';
import { number } from './wording.ts';

const limits = [{ use: 'step', options: { maxUp: 40, maxDown: 1 } }];

test('one sentence with its numbers', () => {
  const view = viewNow({ waiting: 1_240, running: 3, oldestSeconds: 12 }, processesOf(3));
  const decision = decide(managerOf({ limits, maximum: 5 }), view, noon);
  expect(explain(decision, 'worker')).toBe(
    'worker: 5 instead of 3 because 1,240 wait, the oldest 12 s of a goal of 30 s; a new worker starts about 4 in the ' +
      '5 s after its boot; 3 run; limited by step from 280 to 43: at most 40 more at once; ' +
      'limited by bounds from 43 to 5: the maximum is 5',
  );
  expect(explain(decision)).toMatch(/^5 instead of 3 because/);
});

test('the chain, line by line', () => {
  const view = viewNow({ waiting: 0, running: 0 }, processesOf(1_200));
  const decision = decide(managerOf({ limits, minimum: 1_199, maximum: 2_000 }), view, noon);
  expect(explainChain(decision, 'worker')).toBe(
    [
      'worker: 1,200 -> 1,199',
      '  wait-goal  1,200 -> 0  nothing waits; nothing runs',
      '  step       0 -> 1,199  at most 1 fewer at once',
    ].join('\n'),
  );
});

test('what is unknown is told', () => {
  const samples = [{ at: noon, readings: [{ kind: 'unknown', at: noon, why: 'Redis refused' } as const] }];
  const decision = decide(managerOf(), viewOf({ samples, processes: processesOf(2) }), noon);
  expect(explain(decision, 'worker')).toBe(
    'worker: stays at 2 because wait-goal cannot tell: no meter gave a number of jobs; ' +
      'unknown, so the count does not fall: Redis refused',
  );
  expect(explainChain(decision)).toMatch(/^2 -> 2 \(something is unknown\)\n/);
});

test('a limit that warns without changing the number is told', () => {
  const used = { since: monthStart(noon), processSeconds: 90 * 3_600 };
  const manager = managerOf({ limits: [{ use: 'budget', options: { perMonth: 100, pricePerHour: 1 } }] });
  const decision = decide(manager, { ...viewNow({ waiting: 0, running: 0 }), used }, noon);
  expect(explain(decision, 'worker')).toBe(
    'worker: stays at 0 because nothing waits; nothing runs; 90.00 of 100.00 for this month are spent',
  );
});

test('every change of the number is in the sentence and in the chain', () => {
  const manager = managerOf({
    rules: [
      { use: 'wait-goal', options: {} },
      { use: 'queue-size', options: { ratio: 7 } },
    ],
    limits: [...limits, { use: 'cooldown', options: { upSeconds: 60, downSeconds: 60 } }],
    minimum: 1,
    maximum: 30,
  });
  fc.assert(
    fc.property(anyView, (view) => {
      const decision = decide(manager, view, noon);
      const sentence = explain(decision, 'worker');
      const chain = explainChain(decision, 'worker').split('\n');
      expect(sentence).not.toMatch(/\n|undefined|NaN/);
      expect(chain).toHaveLength(decision.reasons.length + 1);
      for (const [index, { from, to, by, text }] of decision.reasons.entries()) {
        expect(chain[index + 1]).toContain(text);
        if (index > 0 && from !== to)
          expect(sentence).toContain(`by ${by} from ${number(from)} to ${number(to)}: ${text}`);
      }
    }),
  );
});
