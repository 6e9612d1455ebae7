import { describe, expect, test } from 'vitest';
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
  expect(await read(inbox, now)).toMatchObject({ perSecond: 2, responseTimeMs: [[70, 1]] });
  expect(await read(inbox, now, { measure: 'connect' })).toMatchObject({
    perSecond: 2,
    responseTimeMs: [[3, 1]],
  });
  expect(inbox.requests('web', 'failed', 60)).toMatchObject({ count: 1 });
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
