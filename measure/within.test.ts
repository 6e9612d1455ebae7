import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { until } from '../checks/servers.ts';
import { within } from './within.ts';

describe('within', () => {
  test('time is up, whatever the garbage collector does meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let reason: unknown;
    const listen = (): void => {
      const signal = within(new AbortController().signal, 200);
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
    };
    listen();
    await until(async () => {
      collect();
      return reason !== undefined;
    }, 'the end of the time');
    expect(reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('ends with the other signal, and for its reason', () => {
    const other = new AbortController();
    const signal = within(other.signal, 60_000);
    expect(signal.aborted).toBe(false);
    other.abort(new RangeError('enough'));
    expect(signal.reason).toEqual(new RangeError('enough'));
  });

  test('one that is over already stays so', () => {
    expect(within(AbortSignal.abort('before'), 60_000).reason).toBe('before');
  });
});
