/**
 * Two real beat processes, the leading one killed. Where state and queue are one place, each slot is in the queue exactly
 * once. Where the state lies beside the broker, none is there twice, and one at most is missing: that of the kill.
 */
import type { ChildProcess } from 'node:child_process';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { freshDatabase, has, startRabbit, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { printed, spawnProgram } from '../../checks/program.ts';
import { until } from '../../checks/servers.ts';
import { createApp } from '../index.ts';
import { openPostgresqlBeats } from '../postgresql/beat.ts';
import { type EntryRecord, parseRecord } from './entry.ts';
import { every } from './schedule.ts';

const stepMs = 250;

const program = `
import { createApp } from 'TASKS/index.ts';
const app = createApp({ broker: process.env.BROKER, log: (_level, text) => console.log(text.split(':')[0]) });
const state = process.env.STATE ? { state: process.env.STATE } : {};
await app.beat({ leaseSeconds: 2, ...state }).run({ handleSignals: true });
await app.close();
console.log('ended');
`;

interface Place {
  readonly broker: string;
  readonly state?: string;
  record(): Promise<EntryRecord | undefined>;
  /** Ids of all that is in the queue. */
  ids(): Promise<string[]>;
  stop(): Promise<void>;
}

const kinds = [
  { name: 'Redis', here: has('redisServer'), mostLost: 0, start: onRedis },
  {
    name: 'RabbitMQ with its state in PostgreSQL',
    here: has('rabbitmq') && has('postgresUrl'),
    mostLost: 1,
    start: onRabbit,
  },
];

describe.each(kinds)('on $name', ({ name, here, mostLost, start }) => {
  test.skipIf(!here)(
    'a beat that is killed is followed by the other, and no slot is sent twice',
    async () => {
      const folder = temporaryFolder('beat');
      const place = await start();
      const state = place.state === undefined ? {} : { state: place.state };
      const app = createApp({ broker: place.broker });
      await app
        .beat(state)
        .entries.add('often', { task: 'tick', schedule: every(stepMs / 1000), missed: 'all' });
      const startMs = (await place.record())?.slotMs ?? Number.NaN;
      const environment = { BROKER: place.broker, STATE: place.state ?? '' };
      const startBeat = (): ChildProcess => spawnProgram(folder.path, program, 'pipe', environment);

      const first = startBeat();
      await printed(first, 'this beat leads');
      const second = startBeat();
      const leads = printed(second, 'this beat leads');
      await printed(second, 'standing by');
      const sent = async (): Promise<number> => (await place.record())?.totalRuns ?? 0;
      await until(async () => (await sent()) >= 8, 'eight runs of the first', 60_000);
      first.kill('SIGKILL');
      await leads;
      const before = await sent();
      await until(async () => (await sent()) >= before + 8, 'eight runs of the second', 60_000);
      const ended = printed(second, 'ended');
      second.kill('SIGTERM');
      await ended;

      const last = await place.record();
      const runs = last?.totalRuns ?? Number.NaN;
      const ids = await place.ids();
      const lost = runs - ids.length;
      const twice = ids.length - new Set(ids).size;
      process.stdout.write(`beat on ${name}: ${runs} slots, 1 kill, ${lost} lost, ${twice} duplicates\n`);
      expect(twice).toBe(0);
      expect(lost).toBeGreaterThanOrEqual(0);
      expect(lost).toBeLessThanOrEqual(mostLost);
      // Every slot from the first to the last had its run.
      expect(((last?.slotMs ?? Number.NaN) - startMs) / stepMs).toBe(runs);
      await app.close();
      await place.stop();
      folder.remove();
    },
  );
});

async function onRedis(): Promise<Place> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  return {
    broker: server.url,
    record: async () => parseRecord((await redis.hget('headcount.beat.beat.entries', 'often')) ?? ''),
    ids: async () =>
      (await redis.lrange('celery', 0, -1)).map(
        (text) => (JSON.parse(text) as { headers: { id: string } }).headers.id,
      ),
    stop: async () => {
      redis.disconnect();
      await server.stop();
    },
  };
}

async function onRabbit(): Promise<Place> {
  const server = await startRabbit();
  const { url, drop } = await freshDatabase();
  const beats = await openPostgresqlBeats(url);
  return {
    broker: server.url,
    state: url,
    record: async () => parseRecord((await beats.beat('beat').read()).get('often') ?? ''),
    ids: async () => {
      const connection = await amqp.connect(server.url);
      const channel = await connection.createChannel();
      const ids: string[] = [];
      for (let more = true; more; ) {
        const message = await channel.get('celery', { noAck: true });
        if (message) ids.push(String(message.properties.headers?.id));
        more = message !== false;
      }
      await connection.close();
      return ids;
    },
    stop: async () => {
      await beats.close();
      await drop();
      await server.stop();
    },
  };
}
