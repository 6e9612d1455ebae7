import { describe, expect, test } from 'vitest';
import { meterContract } from './contract.ts';
import { parseMetrics } from './inbox/hirefire.ts';
import { parseDrain } from './inbox/logplex.ts';
import { type AppInbox, createAppInbox } from './inbox/memory.ts';
import { processLoad } from './process-load.ts';

const start = 1_767_225_600_000;
const now = (): number => start;

function drained(...lines: string[]): AppInbox {
  const inbox = createAppInbox(now);
  const body = lines
    .map((message) => `<45>1 2026-01-01T00:00:00.000000+00:00 host heroku worker.1 - ${message}`)
    .map((line) => `${line.length} ${line}`);
  inbox.take('logplex', undefined, parseDrain(Buffer.from(body.join('')), start));
  return inbox;
}
const load = (source: string, one: string): string =>
  `source=${source} dyno=heroku.2808254.d97d0ea7-cf3d-411b-b453-d2943a50b456 sample#load_avg_1m=${one} sample#load_avg_5m=1.00 sample#load_avg_15m=0.00`;

describe('contract', () => {
  meterContract({ test, expect }, processLoad, {
    truth: async () => ({
      options: {},
      surroundings: { inbox: drained(load('worker.1', '0.50'), load('worker.2', '1.50')), now },
      readings: [{ kind: 'value', name: 'load1', value: 1, unit: 'load' }],
    }),
    down: async () => ({ options: {}, surroundings: { inbox: createAppInbox(now), now } }),
    wrongPassword: { skip: 'a drain with another token never reaches the inbox' },
    garbage: async () => ({
      options: {},
      surroundings: { inbox: drained(load('worker.1', 'much'), load('worker.2', '')), now },
    }),
    slow: { skip: 'it waits for nobody' },
  });
});

test('CPU is the mean of the processes that push it', async () => {
  const inbox = createAppInbox(now);
  for (const cpu of [30, 50])
    inbox.take(
      'hirefire-2',
      'Node-1.3.0',
      parseMetrics(JSON.stringify([{ name: 'web', metrics: { cpu: { [start / 1_000]: cpu } } }]), start)!,
    );
  const options = { measure: 'cpu', windowSeconds: 60 };
  const meter = processLoad.create(options, { appToken: 's', processType: 'web', inbox, now });
  expect(await meter.read(AbortSignal.timeout(1_000))).toEqual([
    { kind: 'value', name: 'cpu', at: start, value: 40, unit: '%' },
  ]);
});
