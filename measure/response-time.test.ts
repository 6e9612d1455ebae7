import { describe, expect, test } from 'vitest';
import { processesOf, viewOf } from '../decide/contract.ts';
import { apdex } from '../decide/rules/apdex.ts';
import type { Reading } from '../decide/words.ts';
import { meterContract } from './contract.ts';
import { parseMetrics } from './inbox/hirefire.ts';
import { parseDrain } from './inbox/logplex.ts';
import { type AppInbox, createAppInbox } from './inbox/memory.ts';
import { responseTime } from './response-time.ts';

const patience = AbortSignal.timeout(600_000);
const start = 1_767_225_600_000;

const router = (fields: string, at = start): Buffer => {
  const time = new Date(at).toISOString().replace('Z', '+00:00');
  const line = `<158>1 ${time} host heroku router - ${fields}\n`;
  return Buffer.from(`${Buffer.byteLength(line)} ${line}`);
};
const answered = (connect: string, service: string, path = '/'): string =>
  `at=info method=GET path="${path}" host=music.example.com request_id=8601b555 fwd="204.204.204.204" dyno=web.1 connect=${connect} service=${service} status=200 bytes=13 protocol=https`;

function inboxWith(now: () => number, ...lines: string[]): AppInbox {
  const inbox = createAppInbox(now);
  inbox.take(
    'logplex',
    'Logplex/v72',
    parseDrain(Buffer.concat(lines.map((line) => router(line, now()))), now()),
  );
  return inbox;
}

async function read(
  inbox: AppInbox,
  now: () => number,
  options: Record<string, string> = {},
): Promise<Reading> {
  const all = { measure: 'service', windowSeconds: 60, ...options };
  const meter = responseTime.create(all, { appToken: 'secret', processType: 'web', inbox, now });
  return (await meter.read(patience))[0]!;
}

describe('contract', () => {
  meterContract({ test, expect }, responseTime, {
    truth: async () => {
      const inbox = inboxWith(() => start, answered('1ms', '18ms'), answered('2ms', '30ms'));
      return {
        options: {},
        surroundings: { inbox, processType: 'web', now: () => start },
        readings: [
          {
            kind: 'requests',
            perSecond: 2,
            responseTimeMs: [
              [18, 1],
              [30, 1],
            ],
          },
        ],
      };
    },
    down: async () => ({ options: {}, surroundings: { inbox: createAppInbox(Date.now) } }),
    wrongPassword: { skip: 'a drain with another token never reaches the inbox' },
    garbage: async () => {
      const inbox = inboxWith(() => start, 'at=info dyno=web.1 service=99999999ms');
      return { options: {}, surroundings: { inbox, processType: 'web' } };
    },
    slow: { skip: 'it waits for nobody' },
  });
});

test('connect and service are told apart, and a request that nobody answered counts without a time', async () => {
  const now = (): number => start;
  const nobody =
    'at=error code=H14 desc="No web processes running" method=GET path="/" dyno= connect= service= status=503';
  const inbox = inboxWith(now, answered('3ms', '70ms'), nobody);
  expect(await read(inbox, now)).toMatchObject({
    perSecond: 2,
    responseTimeMs: [[70, 1]],
    answeredWellMs: [[70, 1]],
    failedCount: 1,
  });
  expect(await read(inbox, now, { measure: 'connect' })).toMatchObject({
    perSecond: 2,
    responseTimeMs: [[3, 1]],
  });
  expect(inbox.requests('web', 'failed', 60)).toMatchObject({ count: 1, times: [] });
});

test('our own poll is not traffic, but shows that the drain lives', async () => {
  let at = start;
  const now = (): number => at;
  const inbox = inboxWith(now, answered('1ms', '18ms'));
  at += 61_000;
  expect((await read(inbox, now)).kind).toBe('unknown');
  inbox.take(
    'logplex',
    undefined,
    parseDrain(router(answered('1ms', '5ms', '/hirefire/secret/info'), at), at),
  );
  expect(await read(inbox, now)).toMatchObject({ kind: 'requests', perSecond: 0, responseTimeMs: [] });
});

test('our agent pushes it as well', async () => {
  const now = (): number => start;
  const inbox = createAppInbox(now);
  const rst = Object.fromEntries(Array.from({ length: 10 }, (_, ago) => [start / 1_000 - ago, [40, 2]]));
  inbox.take(
    'hirefire-2',
    'Headcount-0.1.0',
    parseMetrics(JSON.stringify([{ name: 'web', metrics: { rst } }]), start)!,
  );
  expect(await read(inbox, now)).toMatchObject({ perSecond: 2, responseTimeMs: [[40, 20]] });
});

test('quick errors are told apart, and frustrate in the Apdex', async () => {
  const now = (): number => start;
  const failed = (ms: number): string => answered('1ms', `${ms}ms`).replace('status=200', 'status=500');
  const inbox = inboxWith(now, answered('1ms', '9ms'), answered('1ms', '9ms'), failed(9), failed(4));
  const byDrain = await read(inbox, now);
  expect(byDrain).toMatchObject({
    responseTimeMs: [
      [4, 1],
      [9, 3],
    ],
    answeredWellMs: [[9, 2]],
    failedCount: 2,
  });
  const view = viewOf({ samples: [{ at: start, readings: [byDrain] }], processes: processesOf(4) });
  const band = { minimum: 0.85, maximum: 0.95, upBy: 1, downBy: 1, upAfterSeconds: 0, downAfterSeconds: 0 };
  const rule = apdex.create({ satisfiedMs: 500, ...band });
  expect(rule.want(view, start)).toMatchObject({ count: 5, reason: 'the Apdex is 0.5, below 0.85: 1 more' });
});

test('our agent tells them apart as well', async () => {
  const now = (): number => start;
  const inbox = createAppInbox(now);
  const seconds = Array.from({ length: 10 }, (_, ago) => start / 1_000 - ago);
  const metrics = {
    rst: Object.fromEntries(seconds.map((second) => [second, [40, 2]])),
    ers: Object.fromEntries(seconds.map((second, place) => [second, place === 0 ? [5, 3] : []])),
  };
  inbox.take(
    'hirefire-2',
    'Headcount-0.1.0',
    parseMetrics(JSON.stringify([{ name: 'web', metrics }]), start)!,
  );
  expect(await read(inbox, now)).toMatchObject({
    perSecond: 2.3,
    responseTimeMs: [
      [5, 3],
      [40, 20],
    ],
    answeredWellMs: [[40, 20]],
    failedCount: 3,
  });
  expect(inbox.dropped()).toEqual({});
});
