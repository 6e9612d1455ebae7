/** The words to workers through the agent of their app: real BullMQ workers on a real Redis, and the agent's own requests. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { describe, expect, test } from 'vitest';
import { bullCommand } from '../../checks/bull-shop.ts';
import { has, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { openShop, startProgram, type Worker } from '../../checks/shop.ts';
import { type WorkersScene, workersContract } from '../workers-contract.ts';
import { createRest, type WorkersReport } from './rest.ts';

const never = new AbortController().signal;
const idle = { queues: ['mail'], quiet: false, jobs: 0, leaves: false };

async function scene(): Promise<WorkersScene> {
  const folder = temporaryFolder('rest');
  const redis = await startRedis();
  const shop = openShop(join(folder.path, 'shop'), redis.url, { late: true });
  // Time that has passed beside the real one: a minute of silence need not be waited for.
  let passedMs = 0;
  const rest = createRest(() => Date.now() + passedMs);
  passedMs += 60_000;
  rest.report({ ...idle, id: 'before', process: 'worker.7' });
  rest.report({ ...idle, id: 'before', process: 'worker.7', leaves: true });
  const workers = rest.workers('worker');
  if (!workers) throw new Error('nobody has spoken');
  const server = createServer(async (request, response) => {
    const report = JSON.parse(await textOf(request)) as WorkersReport;
    response.end(JSON.stringify({ rest: rest.report(report) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = { host: '127.0.0.1', port: redis.port };
  const queue = new Queue('celery', { connection });
  const env = {
    REDIS: redis.url,
    QUEUE: 'celery',
    HEADCOUNT_URL: url,
    HEADCOUNT_TOKEN: 't',
    DYNO: 'worker.1',
  };
  let worker: Worker | undefined;
  return {
    workers: { ...workers, queue: 'celery' },
    send: async (job) => void (await queue.add('work', { job })),
    end: shop.end,
    began: shop.began,
    startWorker: async () => {
      worker = startProgram(bullCommand(shop.place), shop.place, { ...shop.env, ...env });
    },
    freezeWorker: () => {
      worker?.child.kill('SIGSTOP');
      passedMs += 15_000;
    },
    killWorker: async () => {
      await worker?.kill();
      passedMs += 70_000;
    },
    stopService: async () => {},
    stop: async () => {
      await worker?.kill();
      await queue.close();
      server.closeAllConnections();
      server.close();
      await redis.stop();
      folder.remove();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}

describe.skipIf(!has('redisServer'))('BullMQ', () => {
  workersContract(
    { test, expect, until },
    {
      name: 'BullMQ through the agent',
      scene,
      down: { skip: 'its memory is in the controller; who says nothing is silent' },
    },
  );
});

describe('the memory', () => {
  const begin = () => {
    let at = 1_760_000_000_000;
    const rest = createRest(() => at);
    const pass = (seconds: number): void => {
      at += seconds * 1_000;
    };
    return { rest, pass };
  };

  test('nobody is known until one spoke, and in the first moments somebody may be silent', async () => {
    const { rest, pass } = begin();
    expect(rest.workers('worker')).toBeUndefined();
    rest.report({ ...idle, id: 'a', process: 'mailer.1' });
    expect(rest.workers('worker')).toBeUndefined();
    rest.report({ ...idle, id: 'b', process: 'worker.1' });
    const workers = rest.workers('worker');
    const node = { node: 'worker.1@b', queues: ['mail'], quiet: false, jobs: 0 };
    expect(await workers?.ask(never)).toEqual({ nodes: [node], silentCount: 1 });
    pass(15);
    rest.report({ ...idle, id: 'b', process: 'worker.1' });
    expect(await workers?.ask(never)).toEqual({ nodes: [node], silentCount: 0 });
    expect(rest.workers('worker')).toBe(workers);
  });

  test('who is silent is at work for a minute, and then gone', async () => {
    const { rest, pass } = begin();
    rest.report({ ...idle, id: 'a', process: 'worker.1' });
    const workers = rest.workers('worker');
    pass(15);
    expect(await workers?.ask(never)).toEqual({ nodes: [], silentCount: 1 });
    pass(46);
    expect(await workers?.ask(never)).toEqual({ nodes: [], silentCount: 0 });
  });

  test('an order is for one life of a process, is told again and again, and ends with it', async () => {
    const { rest } = begin();
    const first = { ...idle, id: 'a', process: 'worker.1' };
    expect(rest.report(first)).toBe(false);
    const told = { node: 'worker.1@a', queues: [] };
    await rest.workers('worker')?.quiet([told], never);
    expect([rest.report(first), rest.report(first), rest.report({ ...first, id: 'b' })]).toEqual([
      true,
      true,
      false,
    ]);
    await rest.workers('worker')?.resume([told], never);
    expect(rest.report(first)).toBe(false);
    await rest.workers('worker')?.quiet([told], never);
    expect(rest.report({ ...first, leaves: true })).toBe(false);
    expect(rest.report(first)).toBe(false);
  });

  test('however many speak, what is kept is bounded', async () => {
    const { rest, pass } = begin();
    for (let place = 0; place < 3_000; place++)
      rest.report({ ...idle, id: `${place}`, process: `worker.${place}` });
    pass(16);
    const census = await rest.workers('worker')?.ask(never);
    expect((census?.nodes.length ?? 0) + (census?.silentCount ?? 0)).toBe(1_000);
    for (let place = 0; place < 200; place++) rest.report({ ...idle, id: 'x', process: `type${place}.1` });
    expect(rest.workers('type199')).toBeUndefined();
  });
});
