import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import type { Consumer, Delivery } from '../broker.ts';
import { brokerContract, messages } from './contract.ts';
import { openSqliteBroker } from './sqlite.ts';

brokerContract(
  { test, expect },
  'sqlite',
  async () => {
    const folder = temporaryFolder('sqlite-broker');
    const file = join(folder.path, 'broker.db');
    return {
      folder: folder.path,
      open: () => openSqliteBroker(file),
      pushRaw: async (queue, text) => {
        const db = new Libsql(file);
        db.prepare('INSERT INTO jobs (queue, state, priority, due, message) VALUES (?, 0, 0, 1, ?)').run(
          queue,
          text,
        );
        db.prepare(
          'INSERT INTO queues (queue, ready) VALUES (?, 1) ON CONFLICT DO UPDATE SET ready = ready + 1',
        ).run(queue);
        db.close();
      },
      aside: async () => {
        const db = new Libsql(file);
        const rows = db.prepare('SELECT error FROM set_aside').all() as { error: string }[];
        db.close();
        return rows.map(({ error }) => error);
      },
      taker: () => `
        import { openSqliteBroker } from 'TASKS/brokers/sqlite.ts';
        const broker = await openSqliteBroker(${JSON.stringify(file)});
        const options = { queues: ['q'], name: 'taker', slots: 1, load: () => [], note: () => {} };
        const consumer = await broker.consume(options);
        await consumer.take(3, new AbortController().signal);
        console.log('taken');
        setInterval(() => {}, 1000);`,
      stop: async () => folder.remove(),
    };
  },
  async () => {
    const folder = temporaryFolder('sqlite-unreachable');
    writeFileSync(join(folder.path, 'file'), '');
    return openSqliteBroker(join(folder.path, 'file', 'broker.db')).finally(() => folder.remove());
  },
);

describe('sqlite, beyond the contract', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let file: string;
  let consumers: Consumer[];

  beforeEach(() => {
    folder = temporaryFolder('sqlite-broker');
    file = join(folder.path, 'broker.db');
    consumers = [];
  });
  afterEach(async () => {
    for (const consumer of consumers) await consumer.close().catch(() => {});
    folder.remove();
  });
  const patience = AbortSignal.timeout(600_000);
  const consume = async (broker: Awaited<ReturnType<typeof openSqliteBroker>>): Promise<Consumer> => {
    const options = { queues: ['q'], name: 'test', slots: 1, load: () => [], note: () => {} };
    const consumer = await broker.consume(options);
    consumers.push(consumer);
    return consumer;
  };

  test('a consumer taken for dead gets a new name, and what it settles late changes nothing', async () => {
    const broker = await openSqliteBroker(file);
    await broker.publish('q', messages(1));
    const slow = await consume(broker);
    const [first] = await slow.take(1, patience);
    const db = new Libsql(file);
    db.exec("UPDATE consumers SET host = 'elsewhere', seen = 0");
    const other = await consume(broker);
    const [second] = await other.take(1, patience);
    expect(second?.redelivered).toBe(true);
    await slow.settle(first!, { kind: 'done' });
    expect(db.prepare('SELECT count(*) AS jobs FROM jobs').get()).toMatchObject({ jobs: 1 });
    await other.settle(second!, { kind: 'done' });
    expect(db.prepare('SELECT count(*) AS jobs FROM jobs').get()).toMatchObject({ jobs: 0 });
    expect(db.prepare('SELECT count(DISTINCT id) AS consumers FROM consumers').get()).toMatchObject({
      consumers: 2,
    });
    db.close();
    await broker.close();
  });

  test('a message that ended one worker after the other is lent once more, as worn', async () => {
    const broker = await openSqliteBroker(file);
    await broker.publish('q', messages(2));
    const db = new Libsql(file);
    db.exec(`UPDATE jobs SET state = 2, consumer = 999, deliveries = 10 WHERE id = 1;
      UPDATE jobs SET state = 2, consumer = 999, deliveries = 9 WHERE id = 2;
      UPDATE queues SET ready = 0;
      INSERT INTO consumers (id, queue, name, pid, host, born, slots, seen) VALUES (999, 'q', 'w', 1, 'h', '', 1, 0)`);
    const consumer = await consume(broker);
    const taken: Delivery[] = [];
    await until(
      async () => taken.push(...(await consumer.take(5, patience))) === 2,
      'the worn message and the other one',
    );
    const worn = taken.filter((one) => one.worn !== undefined);
    expect(worn.map((one) => one.worn)).toEqual(['ended 10 workers']);
    for (const one of worn) await consumer.settle(one, { kind: 'setAside', error: 'a reason' });
    expect(db.prepare('SELECT error, deliveries FROM set_aside').all()).toEqual([
      { error: 'a reason', deliveries: 10 },
    ]);
    expect(await broker.depth?.('q')).toMatchObject({ waiting: 0 });
    db.close();
    await broker.close();
  });

  test('counts of a queue stay in step with its rows through every kind of change', async () => {
    const broker = await openSqliteBroker(file);
    const db = new Libsql(file);
    const consumer = await consume(broker);
    const inStep = (): void => {
      const counted = db.prepare("SELECT ready, later FROM queues WHERE queue = 'q'").get() as object;
      const rows = db
        .prepare('SELECT sum(state = 0) AS ready, sum(state = 1) AS later FROM jobs')
        .get() as Record<'ready' | 'later', number | null>;
      expect(counted).toMatchObject({ ready: rows.ready ?? 0, later: rows.later ?? 0 });
    };
    await broker.publish('q', messages(6));
    await broker.publish('q', [{ ...messages(1)[0]!, etaMs: Date.now() + 200 }]);
    inStep();
    const [a, b, c, d] = await consumer.take(4, patience);
    inStep();
    await Promise.all([
      consumer.settle(a!, { kind: 'done' }),
      consumer.settle(b!, { kind: 'putBack', started: false }),
      consumer.settle(c!, { kind: 'setAside', error: 'e' }),
      consumer.settle(d!, { kind: 'replace', message: messages(1)[0]! }),
    ]);
    inStep();
    await until(async () => (await broker.depth?.('q'))?.later === 0, 'the delayed job');
    while ((await consumer.take(10, patience)).length > 0) inStep();
    inStep();
    db.close();
    await broker.close();
  });

  test('tables of a newer version are left alone', async () => {
    const db = new Libsql(file);
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(openSqliteBroker(file)).rejects.toMatchObject({ code: 'BROKER_NEWER' });
  });

  test('a folder that cannot be used says so', async () => {
    const path = join(folder.path, 'dir');
    mkdirSync(path);
    chmodSync(path, 0o500);
    await expect(openSqliteBroker(path)).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
  });

  test('a write waits for the lock of another process without holding up the event loop', async () => {
    const broker = await openSqliteBroker(file);
    const db = new Libsql(file);
    db.exec('BEGIN IMMEDIATE');
    const published = broker.publish('q', messages(1));
    let turns = 0;
    const turn = setInterval(() => turns++, 1);
    await until(() => turns >= 5, 'the event loop to turn');
    clearInterval(turn);
    db.exec('COMMIT');
    await published;
    expect(await broker.depth?.('q')).toMatchObject({ waiting: 1 });
    db.close();
    await broker.close();
  });
});
