/** Sends that are confirmed later, on a real RabbitMQ: as many arrive as were sent, and a failure is told. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RabbitServer, startRabbit } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { createApp, type TasksApp } from '../index.ts';

describe.skipIf(!has('rabbitmq'))("confirms: 'later'", () => {
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
