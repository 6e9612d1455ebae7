import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitContract, noon, processesOf, viewOf } from '../contract.ts';
import { decide } from '../decide.ts';
import { leavingOrder } from '../leaving.ts';
import type { Leaving, Limited, Process, View } from '../words.ts';
import { drainFirst } from './drain-first.ts';

limitContract({ test, expect }, drainFirst);

const minute = 60_000;
const patient = drainFirst.create({});

/** worker.1 to worker.N; the last ones as given, the others up and taking jobs. */
function crew(total: number, ...last: Partial<Process>[]): Process[] {
  const from = total - last.length;
  return processesOf(total).map((process, index) => ({ ...process, ...last[index - from] }));
}

function fall(to: number, processes: Process[], leaving: Leaving, limit = patient): Limited {
  return limit.apply(to, viewOf({ processes, leaving }), noon);
}

const quiet = (jobs: number | undefined, minutes = 0): Partial<Process> => ({
  quietSince: noon - minutes * minute,
  ...(jobs !== undefined && { jobs }),
});

describe('where only the highest numbers go', () => {
  test('it waits for the busy one, with its name, its jobs and the time', () => {
    expect(fall(4, crew(5, quiet(2, 8)), 'highest')).toEqual({
      count: 5,
      reason: 'waiting for worker.5: 2 running, 8 min',
    });
  });

  test('those at the top that are idle go at once, and the busy one keeps those below it', () => {
    const processes = crew(6, quiet(0, 1), quiet(0, 1), quiet(3, 2), quiet(0, 2));
    expect(fall(2, processes, 'highest')).toEqual({
      count: 5,
      reason: 'waiting for worker.5: 3 running, 2 min; worker.4, worker.3 below it are free to go',
    });
  });

  test('with everybody idle it adds nothing', () => {
    expect(fall(0, crew(2, quiet(0), quiet(0)), 'highest')).toEqual({ count: 0 });
  });

  test('who takes jobs still is told first', () => {
    expect(fall(1, crew(2), 'highest')).toEqual({
      count: 2,
      reason: 'waiting for worker.2: it is told to take no new jobs',
    });
  });

  test('silence is not idleness', () => {
    expect(fall(1, crew(2, quiet(undefined, 1)), 'highest')).toEqual({
      count: 2,
      reason: 'waiting for worker.2: it does not answer, 60 s',
    });
  });

  test('who cannot be told goes as it always did, and that is said', () => {
    expect(fall(1, crew(2, { deaf: 'no worker of that name answers' }), 'highest')).toEqual({
      count: 1,
      reason: 'worker.2 goes without notice: no worker of that name answers',
    });
  });
});

describe('where processes are named', () => {
  test('the idle ones go before a busy one that has a higher number', () => {
    const processes = crew(5, quiet(0), quiet(1, 3));
    expect(fall(3, processes, 'named')).toMatchObject({ count: 4 });
    expect(fall(4, processes, 'named')).toEqual({ count: 4 });
    expect(leavingOrder(processes, 'named').map(({ name }) => name)[0]).toBe('worker.4');
  });

  test('crashed and starting ones go first and need no notice', () => {
    const processes = crew(4, { state: 'starting' }, quiet(5), { state: 'crashed' });
    expect(fall(2, processes, 'named')).toEqual({ count: 2 });
  });

  test('one that starts and works already is waited for', () => {
    expect(fall(0, crew(1, { state: 'starting', busy: true }), 'named').count).toBe(1);
  });
});

describe('patience', () => {
  const hasty = drainFirst.create({ patienceSeconds: 600 });

  test('ends the wait and says what is killed', () => {
    expect(fall(1, crew(2, quiet(2, 10)), 'highest', hasty)).toEqual({
      count: 1,
      reason: 'worker.2 goes, 2 running: the patience of 10 min is over',
    });
    expect(fall(1, crew(2, quiet(2, 9)), 'highest', hasty).count).toBe(2);
  });

  test('a clock that is set back ends none', () => {
    expect(fall(1, crew(2, { ...quiet(2), quietSince: noon + minute }), 'highest', hasty).count).toBe(2);
  });
});

test('nothing to tell anybody with: the number falls, and it is said that nobody was told', () => {
  const limited = patient.apply(0, viewOf({ processes: crew(2) }), noon);
  expect(limited).toEqual({ count: 0, reason: 'nobody here can tell the workers to take no new jobs first' });
});

test('a raise and a count that stays are none of its business', () => {
  expect(fall(5, crew(2, quiet(3)), 'highest')).toEqual({ count: 5 });
  expect(fall(2, crew(2, quiet(3)), 'highest')).toEqual({ count: 2 });
});

test('neither the maximum nor a hold kills what runs', () => {
  const manager = {
    processType: 'worker',
    rules: [],
    limits: [{ use: 'drain-first', options: {} }],
    minimum: 0,
    maximum: 1,
    paused: false,
    hold: { count: 0 },
  };
  const view: View = viewOf({ processes: crew(3, quiet(1), quiet(1)), leaving: 'highest' });
  const decision = decide(manager, view, noon);
  expect(decision.desired).toBe(3);
  expect(decision.reasons.at(-1)).toMatchObject({ by: 'drain-first', from: 0, to: 3 });
});

const someProcess = fc.record(
  {
    state: fc.constantFrom('starting', 'up', 'stopping', 'crashed'),
    busy: fc.boolean(),
    jobs: fc.nat(3),
    quietSince: fc.integer({ min: noon - 10 * minute, max: noon }),
    deaf: fc.constant('it is deaf'),
  },
  { requiredKeys: ['state'] },
);

test('whoever has a job in hand and can be told stays, whatever is wanted', () => {
  const leavings = fc.constantFrom<Leaving>('highest', 'named');
  fc.assert(
    fc.property(fc.array(someProcess, { maxLength: 8 }), leavings, fc.nat(8), (list, leaving, wanted) => {
      const processes = list.map(
        (one, index) => ({ since: noon, ...one, name: `worker.${index + 1}` }) as Process,
      );
      const { count } = fall(wanted, processes, leaving);
      const staying = processes.filter(({ state }) => state !== 'stopping').length;
      const order = leavingOrder(processes, leaving).slice(0, Math.max(0, staying - wanted));
      const free = order.filter(
        ({ state, busy, jobs, quietSince, deaf }) =>
          state === 'crashed' ||
          (state === 'starting' && busy !== true && !jobs) ||
          deaf !== undefined ||
          (quietSince !== undefined && jobs === 0),
      );
      expect(count).toBeGreaterThanOrEqual(Math.min(staying, wanted));
      expect(Math.max(0, staying - count)).toBeLessThanOrEqual(wanted >= staying ? 0 : free.length);
      if (leaving === 'highest' && count < staying)
        for (const gone of order.slice(0, staying - count)) expect(free).toContain(gone);
    }),
  );
});
