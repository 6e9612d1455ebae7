import { expect, test } from 'vitest';
import { limitContract, managerOf, noon, processesOf, sampleOf, viewOf } from '../contract.ts';
import { decide } from '../decide.ts';
import type { Decision } from '../words.ts';
import { flap } from './flap.ts';

limitContract({ test, expect }, flap, { turns: 2, windowSeconds: 600 });

const limit = flap.create({ turns: 3, windowSeconds: 600 });

function change(secondsAgo: number, current: number, desired: number): Decision {
  return { at: noon - secondsAgo * 1000, current, desired, reasons: [], unknown: false };
}

const upAndDown = [change(400, 2, 6), change(300, 6, 2), change(200, 2, 6), change(100, 6, 2)];

function apply(count: number, decisions: Decision[]) {
  return limit.apply(count, viewOf({ processes: processesOf(4), decisions }), noon);
}

test('after too many turns the count does not fall, and still rises', () => {
  expect(apply(1, upAndDown)).toEqual({
    count: 4,
    reason: 'it changed direction 3 times in 10 min, so it does not fall for now',
  });
  expect(apply(9, upAndDown)).toEqual({ count: 9 });
});

test('steps in one direction and decisions that changed nothing are no turns', () => {
  expect(
    apply(1, [change(400, 1, 2), change(300, 2, 4), change(250, 4, 4), change(200, 4, 8), change(100, 8, 4)])
      .count,
  ).toBe(1);
});

test('old turns are forgotten, and those from the future not looked at', () => {
  expect(
    apply(
      1,
      upAndDown.map((each) => ({ ...each, at: each.at - 600_000 })),
    ).count,
  ).toBe(1);
  expect(
    apply(
      1,
      upAndDown.map((each) => ({ ...each, at: each.at + 600_000 })),
    ).count,
  ).toBe(1);
});

test('a load that comes and goes each minute moves the count less often with it than without', () => {
  const changes = (limits: { use: string; options: Record<string, number> }[]) => {
    const manager = managerOf({ rules: [{ use: 'queue-size', options: { ratio: 1 } }], limits });
    const decisions: Decision[] = [];
    let current = 0;
    for (let minute = 0; minute < 60; minute++) {
      const at = noon + minute * 60_000;
      const samples = [sampleOf(at, { waiting: minute % 2 === 0 ? 5 : 0, running: 0 })];
      const decision = decide(manager, viewOf({ samples, processes: processesOf(current), decisions }), at);
      if (decision.desired !== current) decisions.push(decision);
      current = decision.desired;
    }
    return decisions.length;
  };
  expect(changes([])).toBe(60);
  expect(changes([{ use: 'flap', options: { turns: 4, windowSeconds: 600 } }])).toBeLessThan(40);
});
