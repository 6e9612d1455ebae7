import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAwake, leastBetween, longestAwakeMs, mostBetween, sampleCount } from './awake.ts';

interface Stage {
  /** One call whose answer takes so long, by how it is waited for; answers whether the loop was kept turning. */
  call(awakeMs: number, asleepMs: number): Promise<boolean>;
  until<T>(answer: Promise<T>): Promise<T>;
  /** Moves the clock and lets the loop look; answers whether it goes on turning. */
  turn(ms: number): Promise<boolean>;
}

/** An event loop that turns when it is told to. */
function stage(processors = 2): Stage {
  let nowMs = 0;
  let waiting: (() => void) | undefined;
  const { until } = createAwake({
    now: () => nowMs,
    turn: (back) => {
      expect(waiting, 'one look at a time').toBeUndefined();
      waiting = back;
    },
    processors,
  });
  const turn = async (ms: number): Promise<boolean> => {
    await Promise.resolve();
    nowMs += ms;
    const back = waiting;
    waiting = undefined;
    back?.();
    return waiting !== undefined;
  };
  const call = async (awakeMs: number, asleepMs: number): Promise<boolean> => {
    const { promise, come } = answer();
    until(promise);
    const awake = waiting !== undefined;
    nowMs += awake ? awakeMs : asleepMs;
    come();
    await promise;
    await turn(0);
    return awake;
  };
  return { call, until, turn };
}

function answer(): { promise: Promise<string>; come(): void } {
  let come = (): void => {};
  const promise = new Promise<string>((resolve) => {
    come = () => resolve('it');
  });
  return { promise, come };
}

/** How many of so many calls were waited for awake. */
async function awakeOf(count: number, call: () => Promise<boolean>): Promise<number> {
  let awake = 0;
  for (let n = 0; n < count; n++) if (await call()) awake++;
  return awake;
}

describe('createAwake', () => {
  test('stays awake where that brings the answer clearly sooner', async () => {
    const { call } = stage();
    expect(await awakeOf(sampleCount, () => call(0.03, 0.07))).toBe(0);
    expect(await awakeOf(10_000, () => call(0.03, 0.07))).toBeGreaterThan(9_900);
  });

  test('sleeps where it does not, and tries the other way more and more rarely', async () => {
    const { call } = stage();
    const awake: number[] = [];
    for (let n = 0; n < 60_000; n++) if (await call(0.03, 0.035)) awake.push(n);
    const trials = awake.filter((n) => !awake.includes(n - 1));
    expect(awake.length).toBe(trials.length * sampleCount);
    const gaps = trials.slice(1).map((n, i) => n - (trials[i] ?? 0) - sampleCount);
    expect(gaps.slice(0, 3)).toEqual([2 * leastBetween, 4 * leastBetween, 8 * leastBetween]);
    expect(Math.max(...gaps)).toBe(mostBetween);
  });

  test('changes when the neighbours of its process do', async () => {
    const { call } = stage();
    await awakeOf(20_000, () => call(0.03, 0.07));
    await awakeOf(mostBetween + 2 * sampleCount, () => call(0.05, 0.04));
    expect(await awakeOf(10_000, () => call(0.05, 0.04))).toBeLessThan(200);
  });

  test('one slow answer in ten changes nothing', async () => {
    const { call } = stage();
    let n = 0;
    const slow = (ms: number): number => (n++ % 10 === 0 ? 5 : ms);
    expect(await awakeOf(10_000, () => call(slow(0.03), slow(0.07)))).toBeGreaterThan(9_500);
  });

  test('never turns where a single processor has to make the answer as well', async () => {
    const { call } = stage(1);
    expect(await awakeOf(2_000, () => call(0.03, 0.07))).toBe(0);
  });

  test('passes on the same promise and its failure, and times that as any answer', async () => {
    const { until, call } = stage();
    const { promise, come } = answer();
    expect(until(promise)).toBe(promise);
    come();
    await promise;
    await expect(until(Promise.reject(new RangeError('gone')))).rejects.toThrow('gone');
    expect(await awakeOf(1_000, () => call(0.03, 0.07))).toBeGreaterThan(900);
  });

  test('never turns longer than the bound, nor after the answer, whatever happens', async () => {
    const step = fc.tuple(fc.constantFrom('call', 'answer', 'turn'), fc.nat(40));
    const play = async (steps: readonly (readonly [string, number])[]): Promise<void> => {
      const { call, until, turn } = stage();
      await awakeOf(3 * sampleCount, () => call(0.03, 0.07));
      const open: (() => void)[] = [];
      let sinceMs = 0;
      for (const [act, hundredths] of steps) {
        if (act === 'call') {
          const { promise, come } = answer();
          until(promise);
          if (open.push(come) === 1) sinceMs = 0;
        } else if (act === 'answer') {
          for (const come of open.splice(0)) come();
          await Promise.resolve();
        } else {
          sinceMs += hundredths / 100;
          const turning = await turn(hundredths / 100);
          if (sinceMs > longestAwakeMs + 0.001 || open.length === 0) expect(turning).toBe(false);
        }
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 200 }), play));
  });
});
