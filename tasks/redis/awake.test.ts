import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Awake, createAwake, longestAwakeMs, longestRest } from './awake.ts';

/** An event loop that turns when it is told to. */
function stage(processors = 2): { awake: Awake; turn(ms: number): Promise<boolean> } {
  let nowMs = 0;
  let waiting: (() => void) | undefined;
  const awake = createAwake({
    now: () => nowMs,
    turn: (back) => {
      expect(waiting, 'one look at a time').toBeUndefined();
      waiting = back;
    },
    processors,
  });
  return {
    awake,
    turn: async (ms) => {
      await Promise.resolve();
      nowMs += ms;
      const back = waiting;
      waiting = undefined;
      back?.();
      return waiting !== undefined;
    },
  };
}

function answer(): { promise: Promise<string>; come(): void } {
  let come = (): void => {};
  const promise = new Promise<string>((resolve) => {
    come = () => resolve('it');
  });
  return { promise, come };
}

describe('createAwake', () => {
  test('keeps the event loop turning until the answer, and not a turn longer', async () => {
    const { awake, turn } = stage();
    const { promise, come } = answer();
    expect(awake.until(promise)).toBe(promise);
    for (let i = 0; i < 5; i++) expect(await turn(0.01)).toBe(true);
    come();
    expect(await turn(0.01)).toBe(false);
    expect(await turn(0.01)).toBe(false);
  });

  test('lets it sleep when the answer takes long, and tries more and more rarely', async () => {
    const { awake, turn } = stage();
    const tries: number[] = [];
    for (let call = 0; call < 4_000; call++) {
      const { promise, come } = answer();
      awake.until(promise);
      if (await turn(longestAwakeMs / 2)) tries.push(call);
      expect(await turn(longestAwakeMs)).toBe(false);
      come();
      await promise;
    }
    expect(tries.slice(0, 5)).toEqual([0, 2, 6, 14, 30]);
    const gaps = tries.slice(1).map((call, i) => call - (tries[i] ?? 0));
    expect(Math.max(...gaps)).toBe(longestRest + 1);
  });

  test('is awake again for every call as soon as one answer is quick', async () => {
    const { awake, turn } = stage();
    const call = async (ms: number): Promise<boolean> => {
      const { promise, come } = answer();
      awake.until(promise);
      const stayed = await turn(ms);
      come();
      await turn(0);
      return stayed;
    };
    expect(await call(longestAwakeMs)).toBe(false);
    expect(await call(0.01)).toBe(false);
    for (let i = 0; i < 20; i++) expect(await call(0.01)).toBe(true);
    expect(await call(longestAwakeMs)).toBe(false);
    expect(await call(0.01)).toBe(false);
    expect(await call(0.01)).toBe(true);
  });

  test('never stays awake where a single processor has to make the answer as well', async () => {
    const { awake, turn } = stage(1);
    awake.until(answer().promise);
    expect(await turn(0.01)).toBe(false);
  });

  test('passes a failure on, and is done with it', async () => {
    const { awake, turn } = stage();
    await expect(awake.until(Promise.reject(new RangeError('gone')))).rejects.toThrow('gone');
    expect(await turn(0.01)).toBe(false);
  });

  test('never turns longer than the bound after the last call, whatever happens', async () => {
    const step = fc.tuple(fc.constantFrom('call', 'answer', 'turn'), fc.nat(40));
    const play = async (steps: readonly (readonly [string, number])[]): Promise<void> => {
      const { awake, turn } = stage();
      const open: (() => void)[] = [];
      let sinceMs = 0;
      for (const [act, hundredths] of steps) {
        if (act === 'call') {
          const { promise, come } = answer();
          open.push(come);
          awake.until(promise);
          sinceMs = 0;
        } else if (act === 'answer') open.shift()?.();
        else {
          sinceMs += hundredths / 100;
          const turning = await turn(hundredths / 100);
          if (sinceMs > longestAwakeMs + 0.001 || open.length === 0) expect(turning).toBe(false);
        }
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 200 }), play));
  });
});
