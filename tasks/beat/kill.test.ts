/** Two real beat processes on a real Redis, the leading one killed: each slot is in the queue exactly once. */
import type { ChildProcess } from 'node:child_process';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { printed, spawnProgram } from '../brokers/contract.ts';
import { createApp } from '../index.ts';
import { parseRecord } from './entry.ts';
import { every } from './schedule.ts';

const stepMs = 250;

const program = `
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: process.env.BROKER, log: (_level, text) => console.log(text.split(':')[0]) });
await app.beat({ leaseSeconds: 2 }).run({ handleSignals: true });
await app.close();
console.log('ended');
`;

test.skipIf(!has('redisServer'))(
  'a beat that is killed is followed by the other, and no slot is lost or sent twice',
  async () => {
    const folder = temporaryFolder('beat');
    const server = await startRedis();
    const redis = new Redis(server.url);
    const app = createApp({ broker: server.url });
    await app.beat().entries.add('often', { task: 'tick', schedule: every(stepMs / 1000), missed: 'all' });
    const record = async () => parseRecord((await redis.hget('headcount.beat.beat.entries', 'often')) ?? '');
    const startMs = (await record())?.slotMs ?? Number.NaN;
    const start = (): ChildProcess => spawnProgram(folder.path, program, 'pipe', { BROKER: server.url });

    const first = start();
    await printed(first, 'this beat leads');
    const second = start();
    const leads = printed(second, 'this beat leads');
    await printed(second, 'standing by');
    const sent = async (): Promise<number> => (await record())?.totalRuns ?? 0;
    await until(async () => (await sent()) >= 8, 'eight runs of the first');
    first.kill('SIGKILL');
    await leads;
    const before = await sent();
    await until(async () => (await sent()) >= before + 8, 'eight runs of the second');
    const ended = printed(second, 'ended');
    second.kill('SIGTERM');
    await ended;

    const last = await record();
    const ids = (await redis.lrange('celery', 0, -1)).map(
      (text) => (JSON.parse(text) as { headers: { id: string } }).headers.id,
    );
    expect(ids).toHaveLength(last?.totalRuns ?? -1);
    expect(new Set(ids).size).toBe(ids.length);
    // Every slot from the first to the last had its run.
    expect(((last?.slotMs ?? Number.NaN) - startMs) / stepMs).toBe(ids.length);
    redis.disconnect();
    await app.close();
    await server.stop();
    folder.remove();
  },
);
