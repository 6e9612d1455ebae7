import { expect, test } from 'vitest';
import type { Reading } from '../decide/words.ts';
import { type Look, lookOrUnknown } from './look.ts';

const base: Look = {
  signal: new AbortController().signal,
  now: () => 7,
  look: async () => [],
  explain: (problem) => (problem instanceof Error ? problem.message : String(problem)),
};
const never = (): Promise<Reading[]> => new Promise(() => undefined);

test('what the look throws becomes an unknown reading, and is told', async () => {
  let failures = 0;
  const look = (): Promise<Reading[]> => Promise.reject(new TypeError('no route'));
  const readings = await lookOrUnknown({ ...base, look, failed: () => failures++ });
  expect(readings).toEqual([{ kind: 'unknown', at: 7, why: 'no route' }]);
  expect(failures).toBe(1);
});

test('a look that does not end is unknown when time is up, and its own signal is aborted', async () => {
  let given: AbortSignal | undefined;
  const look = (signal: AbortSignal): Promise<Reading[]> => {
    given = signal;
    return never();
  };
  const [reading] = await lookOrUnknown({ ...base, look, timeoutMs: 10 });
  expect(reading).toMatchObject({ kind: 'unknown', why: expect.stringContaining('no answer within') });
  expect(given?.aborted).toBe(true);
});

test('only the abort of the caller rejects, also when the look fails because of it', async () => {
  const abort = new AbortController();
  let failures = 0;
  const failed = (): number => failures++;
  const readings = lookOrUnknown({ ...base, signal: abort.signal, look: never, timeoutMs: 60_000, failed });
  abort.abort('enough');
  await expect(readings).rejects.toBe('enough');
  await expect(lookOrUnknown({ ...base, signal: abort.signal, failed })).rejects.toBe('enough');
  expect(failures).toBe(1);
});
