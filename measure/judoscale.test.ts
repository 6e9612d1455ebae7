import { describe, expect, test } from 'vitest';
import { meterContract } from './contract.ts';
import { parseReport } from './inbox/judoscale.ts';
import { type AppInbox, createAppInbox } from './inbox/memory.ts';
import { judoscale } from './judoscale.ts';

const start = 1_767_225_600_000;
const now = (): number => start;

type Metric = readonly [value: number | null, id: string, queue: string, ago?: number];

function reported(...metrics: Metric[]): AppInbox {
  const inbox = createAppInbox(now);
  const list = metrics.map(([value, id, queue, ago = 0]) => [start / 1_000 - ago, value, id, queue]);
  const parsed = parseReport(JSON.stringify({ container: 'worker.1', metrics: list }), start);
  if (parsed) inbox.take('judoscale', undefined, parsed);
  return inbox;
}

const read = async (inbox: AppInbox, options: Record<string, string | number> = {}) =>
  await judoscale
    .create({ maximumAgeSeconds: 30, ...options }, { appToken: 's', processType: 'worker', inbox, now })
    .read(AbortSignal.timeout(10_000));

describe('contract', () => {
  meterContract({ test, expect }, judoscale, {
    truth: async () => ({
      options: {},
      surroundings: {
        inbox: reported(
          [7, 'qd', 'default'],
          [2, 'busy', 'default'],
          [1, 'qd', 'mail'],
          [4_000, 'qt', 'mail'],
        ),
        now,
      },
      readings: [
        { kind: 'jobs', queue: 'default', waiting: 7, running: 2 },
        { kind: 'jobs', queue: 'mail', waiting: 1, oldestSeconds: 4 },
      ],
    }),
    down: async () => ({ options: {}, surroundings: { inbox: createAppInbox(now), now } }),
    wrongPassword: { skip: 'a report with another token never reaches the inbox' },
    garbage: async () => ({
      options: { queues: 'default' },
      surroundings: { inbox: reported([null, 'qd', 'default'], [-1, 'qt', 'default']), now },
    }),
    slow: { skip: 'it waits for nobody' },
  });
});

test('a queue of which only the wait is told is a latency', async () => {
  expect(await read(reported([1_500, 'qt', 'default']))).toEqual([
    { kind: 'value', name: 'latency', at: start, value: 1.5, unit: 's' },
  ]);
});

test('the named queues are read, each of them, and what is old is unknown', async () => {
  const inbox = reported([7, 'qd', 'default', 31], [3, 'qd', 'mail'], [9, 'qd', 'other']);
  expect(await read(inbox, { queues: 'default, mail, mail' })).toEqual([
    { kind: 'unknown', at: start, why: expect.stringContaining('"default" within 30 s') },
    { kind: 'jobs', queue: 'mail', at: start, waiting: 3 },
  ]);
});
