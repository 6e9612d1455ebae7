/** Jobs that are due later: told by remote control, held in no worker's memory, and in nobody's way. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { printed, spawnProgram } from '../checks/program.ts';
import { until } from '../checks/servers.ts';
import { createApp, type TasksApp, type Worker } from './index.ts';

describe.skipIf(!has('redisServer'))('on Redis', () => {
  let server: RedisServer;
  let app: TasksApp;
  let workers: { worker: Worker; ended: Promise<void> }[];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    workers = [];
    app = createApp({ broker: server.url, results: false });
  });
  afterEach(async () => {
    await Promise.all(workers.map(({ worker, ended }) => worker.stop({ cold: true }).then(() => ended)));
    await app.close();
  });

  test('`scheduled` tells each once among all workers', async () => {
    const later = app.task('later', (_context, _n: number) => {}, { queue: 'told' });
    const sent = await later.delayMany([[1], [2], [3]], { countdown: 3_600 });
    for (const name of ['one', 'two', 'three']) {
      const worker = app.worker({ name: `${name}@here`, queues: ['told'] });
      workers.push({ worker, ended: worker.run() });
    }
    const ids = sent.map(({ id }) => id).sort();
    const told = async (): Promise<Record<string, unknown>[]> =>
      [...(await app.control.scheduled({ timeoutMs: 20_000 })).values()].flat();
    await until(async () => (await told()).length === 3, 'all to be told');
    const entries = await told();
    expect(entries.map(({ request }) => (request as { id: string }).id).sort()).toEqual(ids);
    expect(entries[0]).toMatchObject({
      eta: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\+00:00$/),
      priority: 6,
      request: { name: 'later', delivery_info: { routing_key: 'told' }, acknowledged: false },
    });
  });

  test('more of them than fit into the memory of a worker: what is behind them runs', async () => {
    const folder = temporaryFolder('eta');
    const count = 1_500;
    const load = 'x'.repeat(40_000);
    const queue = 'many';
    for (let from = 0; from < count; from += 100)
      await app
        .send('later', [load], { queue, countdown: 3_600 })
        .then(() =>
          Promise.all(
            Array.from({ length: 99 }, () => app.send('later', [load], { queue, countdown: 3_600 })),
          ),
        );
    await Promise.all(Array.from({ length: 200 }, (_, n) => app.send('now', [n], { queue })));
    const program = `
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: '${server.url}', results: false });
let done = 0;
app.task('later', () => {});
app.task('now', () => { if (++done === 200) console.log('all done'); });
await app.worker({ queues: ['${queue}'], prefetch: 20, concurrency: 4 }).run({ handleSignals: true });
await app.close();
`;
    // Half of what lies before the jobs that are due.
    const child = spawnProgram(folder.path, program, 'pipe', { NODE_OPTIONS: '--max-old-space-size=40' });
    try {
      await printed(child, 'all done');
      await until(async () => (await app.depth(queue)).waiting === 0, 'the queue to be empty');
    } finally {
      child.kill('SIGKILL');
      folder.remove();
    }
  });
});
