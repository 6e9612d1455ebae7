import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Decision, Reason } from '../decide/words.ts';
import { follow, type Issue, quietMs, type Seen } from './issues.ts';

const second = 1_000;
const minute = 60 * second;

function seen(at: number, more: Partial<Seen> = {}): Seen {
  return { at, maximum: 8, paused: false, decisions: [], ...more };
}

function decided(current: number, desired: number, reasons: Reason[] = [], at = 0): Decision {
  return { at, current, desired, reasons, unknown: false };
}

/** Walks through checkups each ten seconds, and tells what opened and what was resolved, and when. */
function walk(seconds: number, what: (at: number) => Partial<Seen>): string[] {
  let issues: readonly Issue[] = [];
  const log: string[] = [];
  for (let at = 0; at <= seconds; at += 10) {
    const after = follow(issues, seen(at * second, what(at)));
    issues = after.issues;
    for (const { kind } of after.opened) log.push(`${at} s: ${kind} opened`);
    for (const { kind } of after.resolved) log.push(`${at} s: ${kind} resolved`);
  }
  return log;
}

test('a short outage needs nobody; a long one is one issue', () => {
  expect(walk(600, (at) => (at >= 100 && at < 140 ? { unknown: 'no answer' } : {}))).toEqual([]);
  expect(walk(600, (at) => (at >= 100 && at < 300 ? { unknown: 'no answer' } : {}))).toEqual([
    '160 s: unknown opened',
    '410 s: unknown resolved',
  ]);
});

test('what comes and goes stays one issue', () => {
  const trembling = (at: number): Partial<Seen> => (at % 20 === 0 && at < 400 ? { refused: 'code 422' } : {});
  expect(walk(100, trembling)).toEqual([]);
  const often = (at: number): Partial<Seen> =>
    at < 100 || (at < 400 && at % 40 === 0) ? { refused: '422' } : {};
  expect(walk(600, often)).toEqual(['30 s: refused opened', '480 s: refused resolved']);
});

test('ten minutes at a maximum that is too low are told with both numbers', () => {
  const reasons = [{ by: 'bounds', from: 20, to: 8, text: 'at most 8' }];
  expect(walk(700, () => ({ decision: decided(8, 8, reasons) }))).toEqual(['600 s: maximum opened']);
  const { issues } = follow([], seen(0, { decision: decided(8, 8, reasons) }));
  expect(issues).toMatchObject([{ title: 'at the maximum of 8', text: expect.stringContaining('20 would') }]);
  expect(walk(700, () => ({ decision: decided(3, 8, reasons) }))).toEqual([]);
});

test('jobs that wait longer than the goal', () => {
  expect(walk(200, () => ({ goalSeconds: 30, oldestSeconds: 30 }))).toEqual([]);
  expect(walk(200, () => ({ goalSeconds: 30, oldestSeconds: 31 }))).toEqual(['120 s: late opened']);
  expect(walk(200, () => ({ goalSeconds: 30 }))).toEqual([]);
});

test('six turns within 15 minutes are flapping', () => {
  const turns = (count: number): Decision[] =>
    Array.from({ length: count + 1 }, (_, index) => decided(2 + (index % 2), 3 - (index % 2), [], index));
  expect(follow([], seen(minute, { decisions: turns(5) })).opened).toEqual([]);
  expect(follow([], seen(minute, { decisions: turns(6) })).opened).toMatchObject([{ kind: 'flapping' }]);
  expect(follow([], seen(20 * minute, { decisions: turns(6) })).opened).toEqual([]);
});

test('a brake, the budget and crashed processes say what they are', () => {
  const reasons = [
    { by: 'no-gain', from: 5, to: 3, text: '5 did no more than 3' },
    { by: 'budget', from: 3, to: 2, text: '95 % of 100 is spent' },
  ];
  const crashed = [{ name: 'worker.2', state: 'crashed' as const, since: 0 }];
  const { issues } = follow([], seen(0, { decision: decided(3, 2, reasons), processes: crashed }));
  expect(issues.map(({ kind, text }) => [kind, text])).toEqual([
    ['crashed', 'worker.2. Look at their logs.'],
    ['braked', '5 did no more than 3.'],
    ['budget', '95 % of 100 is spent.'],
  ]);
});

test('a paused manager is not told that it cannot scale, but that it cannot be measured', () => {
  const what = { paused: true, unknown: 'no answer', refused: 'code 500' };
  expect(walk(100, () => what)).toEqual(['60 s: unknown opened']);
});

test('issues open and resolve in turn, and never stay after their quiet time', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (holds) => {
      let open = false;
      let lastSeen = Number.NEGATIVE_INFINITY;
      let issues: readonly Issue[] = [];
      holds.forEach((held, index) => {
        const at = index * 10 * second;
        if (held) lastSeen = at;
        const after = follow(issues, seen(at, held ? { refused: 'x' } : {}));
        issues = after.issues;
        expect(after.opened.length + after.resolved.length).toBeLessThanOrEqual(1);
        if (after.opened.length > 0) {
          expect(open).toBe(false);
          open = true;
        }
        if (after.resolved.length > 0) {
          expect(open).toBe(true);
          open = false;
        }
        if (at - lastSeen >= quietMs) expect(issues).toEqual([]);
      });
    }),
  );
});
