import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newMessage } from './message.ts';
import { createPace } from './pace.ts';
import { stepsOf } from './stop.ts';
import { attempt, backoffMs, lazyAbort, retryOf } from './work.ts';

test('backoff doubles up to ten minutes and is a random part of that', () => {
  expect([0, 1, 2, 3].map((retries) => backoffMs(2, retries, 1))).toEqual([2_000, 4_000, 8_000, 16_000]);
  fc.assert(
    fc.property(
      fc.float({ min: 0, noNaN: true }),
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (...given) => {
        const ms = backoffMs(...given);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThanOrEqual(600_000);
      },
    ),
  );
});

test('a retry is the same job with one retry more', () => {
  const message = newMessage({ id: 'i', task: 't', args: [1], retries: 2, expiresMs: 9 });
  expect(retryOf(message, 500, 1_000)).toEqual({
    ...message,
    retries: 3,
    parentId: 'i',
    etaMs: 1_500,
    publishedAtMs: 1_000,
  });
  expect(retryOf(message, 0, 1_000).etaMs).toBeNull();
});

test('whatever a handler throws is an outcome', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything(), fc.boolean(), async (thrown, rejects) => {
      const handler = (): unknown => {
        if (rejects) return Promise.reject(thrown);
        throw thrown;
      };
      const message = newMessage({ id: 'i', task: 't' });
      const outcome = await attempt({
        definition: { name: 't', handler, options: {} },
        message,
        delivery: { tag: '1', queue: 'q', redelivered: false, message: { ok: true, value: message } },
        stop: lazyAbort(),
        limits: message.timeLimit,
        random: () => 0,
      });
      expect(outcome).toEqual({ kind: 'failure', error: thrown });
    }),
  );
});

test('a signal that is asked for after the abort is aborted', () => {
  const stop = lazyAbort();
  stop.abort('why');
  expect(stop.signal()).toMatchObject({ aborted: true, reason: 'why' });
});

test('a worker of quick jobs reserves a fifth of a second, and of slow ones nothing', () => {
  const quick = createPace(200, 0);
  for (let now = 0; now < 1_000; now += 2) quick.started(now);
  expect(quick.reserve(1_000)).toBe(100);
  const slow = createPace(200, 0);
  for (let now = 0; now < 10_000; now += 1_000) slow.started(now);
  expect(slow.reserve(10_500)).toBe(0);
});

test('a pace is forgotten after a silence, and never beyond its bound', () => {
  const pace = createPace(50, 0);
  for (let n = 0; n < 10_000; n++) pace.started(n / 100);
  expect(pace.reserve(100)).toBe(50);
  expect(pace.reserve(1_000)).toBe(0);
  fc.assert(
    fc.property(fc.array(fc.nat(500)), fc.nat(1_000), (steps, most) => {
      const any = createPace(most, 0);
      let now = 0;
      for (const step of steps) {
        now += step;
        any.started(now);
        expect(any.reserve(now)).toBeGreaterThanOrEqual(0);
        expect(any.reserve(now)).toBeLessThanOrEqual(most);
      }
    }),
  );
});

test('a stop fits into its grace time, and no timer overflows', () => {
  const all = (seconds: number): number => {
    const { askMs, giveUpMs, closeMs } = stepsOf(seconds);
    return askMs + giveUpMs + closeMs;
  };
  expect(stepsOf(30)).toEqual({ askMs: 24_000, giveUpMs: 3_000, closeMs: 3_000 });
  expect(all(30)).toBe(30_000);
  fc.assert(
    fc.property(fc.double({ min: 30, max: 1e12, noNaN: true }), (seconds) => {
      expect(all(seconds)).toBeLessThanOrEqual(seconds * 1_000 + 1);
      expect(stepsOf(seconds).askMs).toBeLessThan(2 ** 31);
    }),
  );
  expect(stepsOf(0)).toEqual({ askMs: 0, giveUpMs: 0, closeMs: 3_000 });
});
