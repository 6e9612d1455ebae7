import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Reading } from '../decide/words.ts';
import { meterContract } from './contract.ts';
import { parseMetrics, parseQueueTimes } from './inbox/hirefire.ts';
import { parseDrain } from './inbox/logplex.ts';
import { type AppInbox, createAppInbox } from './inbox/memory.ts';
import { requestQueueTime } from './request-queue-time.ts';

const patience = AbortSignal.timeout(600_000);
const start = 1_767_225_600_000;
let now = start;
const opened: (() => unknown)[] = [];
afterEach(async () => {
  now = start;
  await Promise.all(opened.splice(0).map((close) => close()));
});

const second = (ago = 0): number => now / 1_000 - ago;
const inboxAt = (): AppInbox => createAppInbox(() => now);
const push1 = (inbox: AppInbox, body: unknown): void =>
  inbox.take('hirefire-1', 'Node-1.2.0', parseQueueTimes(JSON.stringify(body), now)!);
const push2 = (inbox: AppInbox, rqt: unknown, name = 'web'): void =>
  inbox.take('hirefire-2', 'Ruby-2.0.0', parseMetrics(JSON.stringify([{ name, metrics: { rqt } }]), now)!);
const drain = (inbox: AppInbox, ...messages: string[]): void => {
  const time = new Date(now).toISOString().replace('Z', '+00:00');
  const lines = messages.map((message) => `<190>1 ${time} host app web.1 - ${message}\n`);
  const body = lines.map((line) => `${Buffer.byteLength(line)} ${line}`).join('');
  inbox.take('logplex', undefined, parseDrain(Buffer.from(body), now));
};
const alive = (inbox: AppInbox, seconds: number, pair: unknown = []): void =>
  push2(inbox, Object.fromEntries(Array.from({ length: seconds }, (_, ago) => [second(ago), pair])));

async function appAnswering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(
  inbox: AppInbox,
  { appUrl, options = {} }: { appUrl?: string; options?: Record<string, number | string> } = {},
): Promise<Reading> {
  const surroundings = { appToken: 'secret', processType: 'web', inbox, now: () => now };
  const meter = requestQueueTime.create(
    { windowSeconds: 60, ...options },
    { ...surroundings, ...(appUrl && { appUrl }) },
  );
  return (await meter.read(patience))[0]!;
}
const why = (reading: Reading): string => (reading.kind === 'unknown' ? reading.why : reading.kind);

describe('contract', () => {
  const spoken = async () => {
    const inbox = inboxAt();
    push1(inbox, { [second()]: [5, 9] });
    now += 61_000;
    return inbox;
  };
  meterContract({ test, expect }, requestQueueTime, {
    truth: async () => {
      const inbox = inboxAt();
      alive(inbox, 60);
      push2(inbox, { [second()]: [25, 3] });
      return {
        options: {},
        surroundings: { inbox, processType: 'web' },
        readings: [{ kind: 'requests', perSecond: 3 / 60, queueTimeMs: [[25, 3]] }],
      };
    },
    down: async () => ({ options: {}, surroundings: { inbox: await spoken(), processType: 'web' } }),
    wrongPassword: { skip: 'a push with another token never reaches the inbox' },
    garbage: async () => {
      const appUrl = await appAnswering((_request, response) => response.end('<html>'));
      return { options: {}, surroundings: { inbox: await spoken(), processType: 'web', appUrl } };
    },
    slow: async () => {
      const server = createServer(() => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const appUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const stop = (): void => {
        server.close();
        server.closeAllConnections();
      };
      return { options: {}, surroundings: { inbox: await spoken(), processType: 'web', appUrl }, stop };
    },
  });
});

describe('HireFire 2.0', () => {
  test('combines processes by their counts, and is 0 when it says so', async () => {
    const inbox = inboxAt();
    alive(inbox, 20);
    expect(await read(inbox)).toMatchObject({ kind: 'requests', perSecond: 0, queueTimeMs: [] });
    push2(inbox, { [second(1)]: [10, 1], [second(2)]: [30, 2] });
    push2(inbox, { [second(1)]: [50, 3] });
    expect(await read(inbox)).toMatchObject({
      perSecond: 6 / 20,
      queueTimeMs: [
        [10, 1],
        [30, 2],
        [50, 3],
      ],
    });
  });

  test('is unknown with too few seconds, and when it fell silent', async () => {
    const inbox = inboxAt();
    alive(inbox, 9, [20, 5]);
    expect(why(await read(inbox))).toContain('too few');
    alive(inbox, 30, [20, 5]);
    expect(why(await read(inbox))).toBe('requests');
    now += 16_000;
    expect(why(await read(inbox))).toContain('the last push came 16 s ago');
  });

  test('goes before what the drain says of the same requests', async () => {
    const inbox = inboxAt();
    drain(inbox, '[hirefire:router] queue=99ms');
    expect(await read(inbox)).toMatchObject({ queueTimeMs: [[99, 1]] });
    alive(inbox, 10);
    expect(await read(inbox)).toMatchObject({ perSecond: 0 });
  });
});

describe('HireFire 1.x', () => {
  test('keeps every time, over the seconds since it was first heard', async () => {
    const inbox = inboxAt();
    push1(inbox, { [second()]: [5, 9] });
    now += 3_000;
    push1(inbox, { [second(1)]: [12, 400] });
    expect(await read(inbox)).toMatchObject({
      perSecond: 1,
      queueTimeMs: [
        [5, 1],
        [9, 1],
        [12, 1],
        [400, 1],
      ],
    });
  });

  test('is silent without traffic: the info endpoint tells that from death', async () => {
    const inbox = inboxAt();
    push1(inbox, { [second()]: [5, 9] });
    now += 60_000;
    expect(why(await read(inbox))).toContain('nobody uses the app or it is down');
    let status = 200;
    const appUrl = await appAnswering((_request, response) => {
      response.writeHead(status).end('[]');
    });
    expect(await read(inbox, { appUrl })).toMatchObject({ kind: 'requests', perSecond: 0 });
    status = 503;
    expect(why(await read(inbox, { appUrl }))).toContain('status 503');
  });
});

test('a drain that brings other lines says that there is no traffic', async () => {
  const inbox = inboxAt();
  drain(inbox, '[hirefire:router] queue=12ms');
  now += 61_000;
  expect(why(await read(inbox))).toContain('too few');
  drain(inbox, 'a line of the app');
  expect(await read(inbox)).toMatchObject({ kind: 'requests', perSecond: 0 });
});

test('nothing is ever known of a name that nobody pushed, or without an inbox', async () => {
  const inbox = inboxAt();
  push1(inbox, { [second()]: [5] });
  expect(why(await read(inbox, { options: { name: 'api' } }))).toContain('"api"');
  const meter = requestQueueTime.create(
    { windowSeconds: 60 },
    { appToken: 't', processType: 'web', now: () => 1 },
  );
  expect(why((await meter.read(patience))[0]!)).toContain('have been pushed yet');
});
