/** Sends that are confirmed later or never, on a real RabbitMQ: as many arrive as were sent, and a failure is told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createApp, type TasksApp } from '../index.ts';

describe.skipIf(!has('rabbitmq'))("confirms: 'later' and false", () => {
  let server: RabbitServer;
  beforeAll(async () => {
    server = await startRabbit();
  });
  afterAll(() => server.stop());
  const open = (): TasksApp =>
    createApp({ broker: server.url, results: false, rabbitmq: { confirms: 'later' } });

  test('after close() the server has every message, in order', async () => {
    const app = open();
    const count = 2_500;
    for (let n = 0; n < count; n++) await app.send('t', [n], { queue: 'later' });
    await app.close();
    const other = open();
    expect(await other.depth('later')).toMatchObject({ waiting: count });
    const seen: unknown[] = [];
    other.task('t', (_context, n: number) => void seen.push(n));
    const worker = other.worker({ queues: ['later'], concurrency: 1 });
    const ended = worker.run();
    await until(() => seen.length === count, 'all of them', 60_000);
    await worker.stop();
    await ended;
    await other.close();
    expect(seen).toEqual(Array.from({ length: count }, (_, n) => n));
  });

  test('unconfirmed messages reach the queue although the app closes at once', async () => {
    const app = createApp({ broker: server.url, results: false, rabbitmq: { confirms: false } });
    const task = app.task('t', (_context, _n: number) => {});
    const calls = Array.from({ length: 5_000 }, (_, n) => [n] as const);
    for (let round = 0; round < 4; round++) await task.delayMany(calls, { queue: 'unconfirmed' });
    await app.close();
    const other = open();
    // The channel has passed them on; their queue may be busy with them.
    await until(async () => (await other.depth('unconfirmed')).waiting === 20_000, 'all of them', 60_000);
    await other.close();
  });

  test('a send that failed is told by a later one', async () => {
    const app = open();
    await app.send('t', [], { queue: 'gone' });
    await server.stop();
    const told = async (): Promise<boolean> =>
      app.send('t', [], { queue: 'gone' }).then(
        () => false,
        (error: unknown) => (error as { code?: unknown }).code === 'BROKER_UNREACHABLE',
      );
    await until(told, 'the failure', 60_000);
    await app.close().catch(() => {});
  });
});
