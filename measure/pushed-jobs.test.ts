import { describe, expect, test } from 'vitest';
import type { Reading } from '../decide/words.ts';
import { meterContract } from './contract.ts';
import { parseMetrics } from './inbox/hirefire.ts';
import { type AppInbox, createAppInbox } from './inbox/memory.ts';
import { planFor, pushedJobs } from './pushed-jobs.ts';

const patience = AbortSignal.timeout(600_000);
const start = 1_767_225_600_000;

function pushed(now: () => number, body: unknown): AppInbox {
  const inbox = createAppInbox(now);
  inbox.take('hirefire-2', 'Ruby-2.0.0', parseMetrics(JSON.stringify(body), now())!);
  return inbox;
}

async function read(
  inbox: AppInbox | undefined,
  now: () => number,
  options: Record<string, string> = {},
): Promise<Reading> {
  const all = { means: 'jobs', maximumAgeSeconds: 30, ...options };
  const surroundings = { appToken: 'secret', processType: 'worker', now, ...(inbox && { inbox }) };
  return (await pushedJobs.create(all, surroundings).read(patience))[0]!;
}
const why = (reading: Reading): string => (reading.kind === 'unknown' ? reading.why : reading.kind);

describe('contract', () => {
  const now = (): number => start;
  const second = start / 1_000;
  meterContract({ test, expect }, pushedJobs, {
    truth: async () => ({
      options: {},
      surroundings: {
        now,
        inbox: pushed(now, [
          {
            name: 'worker',
            metrics: {
              jqs: { [second - 5]: 40, [second]: 42 },
              jql: { [second]: 3.2 },
              wrk: { [second]: 4 },
            },
          },
          { name: 'mailer', metrics: { jqs: { [second]: 7 } } },
        ]),
      },
      readings: [{ kind: 'jobs', queue: 'worker', waiting: 42, running: 4, oldestSeconds: 3.2 }],
    }),
    down: async () => ({ options: {}, surroundings: { inbox: createAppInbox(now), now } }),
    wrongPassword: { skip: 'a push with another token never reaches the inbox' },
    garbage: async () => ({
      options: {},
      surroundings: { now, inbox: pushed(now, [{ name: 'worker', metrics: { jqs: { [second]: 'many' } } }]) },
    }),
    slow: { skip: 'it waits for nobody' },
  });
});

test('seconds, and the draft form that does not say which', async () => {
  const now = (): number => start;
  const inbox = pushed(now, [{ name: 'Worker', metrics: { jql: { [start / 1_000]: 12.7 } } }]);
  expect(await read(inbox, now, { means: 'seconds' })).toEqual({
    kind: 'value',
    name: 'latency',
    at: start,
    value: 12.7,
    unit: 's',
  });
  const draft = pushed(now, [{ name: 'worker', sample: 42 }]);
  expect(await read(draft, now)).toMatchObject({ kind: 'jobs', waiting: 42 });
  expect(await read(draft, now, { means: 'seconds' })).toMatchObject({ value: 42 });
});

test('says why nothing is known', async () => {
  let at = start;
  const now = (): number => at;
  expect(why(await read(undefined, now))).toContain('no HireFire 2 library');
  const inbox = pushed(now, [{ name: 'worker', metrics: { jqs: { [start / 1_000]: 0 } } }]);
  expect(await read(inbox, now)).toMatchObject({ waiting: 0 });
  expect(why(await read(inbox, now, { name: 'mailer' }))).toBe(
    'Ruby-2.0.0 has pushed no count of "mailer" lately: no process of the app samples',
  );
  at += 31_000;
  inbox.lease.ask('one');
  expect(why(await read(inbox, now))).toContain('the process that samples has not sent it');
  at += 31_000;
  expect(why(await read(inbox, now))).toContain('has been heard within the last minute');
});

test('the plan says what the options say', () => {
  expect(planFor({ means: 'jobs' }, 'worker')).toEqual({ name: 'worker', strategy: 'jqs' });
  expect(planFor({ means: 'seconds', name: 'mail' }, 'worker')).toEqual({ name: 'mail', strategy: 'jql' });
  expect(planFor({ means: 'jobs', adapter: 'sidekiq', queues: ' mailers, ,urgent' }, 'worker')).toEqual({
    name: 'worker',
    strategy: 'jqs',
    adapter: 'sidekiq',
    queues: ['mailers', 'urgent'],
    options: { skip_working: true },
  });
});
