/**
 * Drain before fire with workers of BullMQ, whole: a controller on its own socket and store, an app whose agent answers how many jobs there
 * are, a real Redis, and workers as real processes of the local fleet, whose agent hears who is to rest. Each job marks its
 * start and its end with a file and ends when the test says so.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bullmq, createAgent, forNodeHttp } from '@headcount/agent';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { until } from '../checks/servers.ts';
import { root } from '../checks/tree.ts';
import { loadConfig } from './config.ts';
import { type Controller, startController } from './main.ts';

const limitMs = 240_000;
const folder = temporaryFolder('drain-bullmq');
const place = join(folder.path, 'place');

describe.skipIf(!has('redisServer'))('workers of BullMQ', () => {
  let redis: RedisServer;
  let queue: Queue;
  let web: Server;
  let controller: Controller;
  let app: RequestListener = (_request, response) => void response.writeHead(503).end();
  const told = () => JSON.parse(readFileSync(join(folder.path, '.headcount', 'controller.json'), 'utf8'));

  beforeAll(async () => {
    mkdirSync(place);
    redis = await startRedis();
    queue = new Queue('shop', { connection: { host: '127.0.0.1', port: redis.port } });
    web = createServer((request, response) => app(request, response));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    writeFileSync(join(place, 'worker.mjs'), program(redis.port));
    writeFileSync(join(place, 'Procfile'), `worker: exec node --import ${loader()} worker.mjs\n`);
    const { port } = web.address() as AddressInfo;
    writeFileSync(join(folder.path, 'headcount.yaml'), configuration(port));
    const config = await loadConfig(undefined, { cwd: folder.path, env: {}, port: 0 });
    controller = await startController({ config, log: 'silent' });
    const [{ token }] = (await call('GET', '/api/apps')) as [{ token: string }];
    writeFileSync(join(place, 'surroundings.json'), JSON.stringify({ url: controller.url, token }));
    const agent = createAgent({
      token,
      push: false,
      processTypes: { worker: bullmq({ queues: [queue] }) },
    });
    app = forNodeHttp(agent, (_request, response) => void response.writeHead(404).end());
  }, limitMs);
  afterAll(async () => {
    await controller?.close();
    await new Promise((resolve) => web?.close(resolve));
    await queue?.close();
    await redis?.stop();
    folder.remove();
  }, limitMs);

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { url, key } = told();
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return response.status === 204 ? undefined : await response.json();
  }
  const manager = '/api/apps/shop/managers/worker';
  const hold = (count: number) => call('PUT', `${manager}/hold`, { count });
  const current = async (): Promise<number | undefined> =>
    ((await call('GET', manager)) as { latest?: { current: number } }).latest?.current;
  const said = async (): Promise<string> => {
    const { decisions } = (await call('GET', `${manager}/decisions?limit=1`)) as {
      decisions: { reasons: { text: string }[] }[];
    };
    return decisions[0]?.reasons.at(-1)?.text ?? '';
  };
  const marks = (kind: string): string[] =>
    readdirSync(place)
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => name.slice(kind.length + 1))
      .sort();
  const comes = (condition: () => boolean | Promise<boolean>, what: string): Promise<void> =>
    until(condition, what, 90_000).catch(async (error) =>
      expect.unreachable(`${error}; ${await said()}; ${readdirSync(place)}; ${textOf('errors')}`),
    );
  const textOf = (name: string): string =>
    existsSync(join(place, name)) ? readFileSync(join(place, name), 'utf8').slice(-2_000) : '';

  test(
    'an idle one is let go, a busy one is waited for, and what waits brings a new one',
    async () => {
      await hold(2);
      await comes(() => marks('spoke').length === 2, 'both workers to be heard');
      await queue.add('work', { name: 'a' });
      await comes(() => marks('began').length === 1, 'one to work');
      await comes(() => textOf('began-a') !== '', 'its name');
      const busy = textOf('began-a');
      const idle = marks('spoke').find((name) => name !== busy);

      await hold(1);
      await comes(() => marks('closed').length === 1, 'the idle one to go');
      expect(marks('closed')).toEqual([idle]);
      expect(marks('done')).toEqual([]);

      await hold(0);
      await comes(async () => (await said()).startsWith(`waiting for ${busy}: `), 'it to be waited for');
      writeFileSync(join(place, 'end-a'), '');
      await comes(async () => (await current()) === 0, 'it to go');
      expect(marks('done')).toEqual(['a']);
      await comes(() => marks('closed').length === 2, 'both to have ended by themselves');
      // Nobody is left to take it.
      await queue.add('work', { name: 'b' });
      expect(await queue.getJobCounts('wait', 'active', 'failed')).toEqual({ wait: 1, active: 0, failed: 0 });

      // Without a hold the count of the agent decides: one job, one worker; none, none.
      await call('DELETE', `${manager}/hold`);
      await comes(() => marks('began').includes('b'), 'the next to begin');
      writeFileSync(join(place, 'end-b'), '');
      await comes(() => marks('done').includes('b'), 'it to end');
      await comes(async () => (await current()) === 0, 'the last to go');
      expect(await queue.getJobCounts('wait', 'active', 'failed', 'completed')).toEqual({
        wait: 0,
        active: 0,
        failed: 0,
        completed: 2,
      });
      expect(textOf('errors')).toBe('');
    },
    limitMs,
  );
});

const configuration = (port: number): string => `
intervalSeconds: 1
apps:
  shop:
    url: http://127.0.0.1:${port}
    fleet: { use: local, procfile: ${join(place, 'Procfile')}, folder: ${place} }
    managers:
      worker:
        minimum: 0
        maximum: 2
        meters: [{ use: http-info }]
        rules: [{ use: queue-size, ratio: 1, decrementable: true }]
        limits: [{ use: drain-first }]
`;

/** Written as docs/draining.md says. */
const program = (port: number): string => `
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bullmqWorker, restOnRequest } from ${JSON.stringify(pathToFileURL(join(root, 'agent/index.ts')).href)};
const { Worker } = createRequire(${JSON.stringify(join(root, 'package.json'))})('bullmq');
const name = process.env.HEADCOUNT_PROCESS;
const { url, token } = JSON.parse(readFileSync('surroundings.json', 'utf8'));
const worker = new Worker('shop', async (job) => {
  writeFileSync('began-' + job.data.name, name);
  while (!existsSync('end-' + job.data.name)) await new Promise((wait) => setTimeout(wait, 50));
  writeFileSync('done-' + job.data.name, '');
}, { connection: { host: '127.0.0.1', port: ${port}, maxRetriesPerRequest: null } });
worker.on('failed', (job, error) => appendFileSync('errors', name + ' ' + error + '\\n'));
worker.on('error', (error) => appendFileSync('errors', name + ' ' + error + '\\n'));
const ours = bullmqWorker(worker);
let looks = 0;
const resting = restOnRequest({
  // It is looked at before it says something, and again when it was answered.
  workers: [{ ...ours, state: () => {
    looks += 1;
    if (looks === 2) writeFileSync('spoke-' + name, '');
    return ours.state();
  } }],
  url,
  token,
  onProblem: (problem) => appendFileSync('errors', name + ' ' + problem + '\\n'),
});
process.once('SIGTERM', async () => {
  await resting.stop();
  await worker.close();
  writeFileSync('closed-' + name, '');
});
`;

function loader(): string {
  return pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
}
