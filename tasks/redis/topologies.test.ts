/** Redis behind TLS, behind sentinels and as a cluster: real servers of each kind. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { certificates } from '../../checks/certificates.ts';
import { has, type RedisServer, startRedis, temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import type { ConsumeOptions, Consumer } from '../broker.ts';
import { brokerContract, messages } from '../brokers/contract.ts';
import { openRedisBroker } from '../brokers/redis.ts';
import { createApp, type RedisSettings } from '../index.ts';
import { resultsContract } from '../results/contract.ts';
import { openRedisResults } from '../results/redis.ts';
import { hashTagged, slotOf } from './cluster.ts';

const run = promisify(execFile);
const patience = AbortSignal.timeout(600_000);
const options: ConsumeOptions = { queues: ['q'], name: 'test', slots: 1, load: () => [], note: () => {} };

describe.skipIf(!has('redisServer'))('Redis', () => {
  describe('over TLS', () => {
    const folder = temporaryFolder('redis-tls');
    const file = (name: string): string => join(folder.path, name);
    let server: RedisServer;
    beforeAll(async () => {
      await certificates(folder.path);
      const port = await freePort();
      const files = ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')];
      const tls = ['--port', '0', '--tls-port', String(port), '--tls-ca-cert-file', file('ca.crt'), ...files];
      server = await startRedis({ port, args: [...tls, '--tls-auth-clients', 'optional'] });
    });
    afterAll(async () => {
      await server.stop();
      folder.remove();
    });
    const roundTrip = async (query: string): Promise<unknown> => {
      const url = `rediss://127.0.0.1:${server.port}/0${query}`;
      const app = createApp({ broker: url, log: () => {} });
      app.task('add', (_context, a: number, b: number) => a + b);
      const worker = app.worker();
      try {
        const result = await app.send('add', [2, 3]);
        void worker.run();
        return await result.get();
      } finally {
        await worker.stop();
        await app.close();
      }
    };

    test('jobs and results with an authority of one’s own, and with none that is asked for', async () => {
      expect(await roundTrip(`?ssl_ca_certs=${file('ca.crt')}`)).toBe(5);
      const own = `&ssl_certfile=${file('server.crt')}&ssl_keyfile=${file('server.key')}`;
      expect(await roundTrip(`?ssl_cert_reqs=required&ssl_ca_certs=${file('ca.crt')}${own}`)).toBe(5);
      expect(await roundTrip('?ssl_cert_reqs=none')).toBe(5);
      expect(await roundTrip('?ssl_cert_reqs=CERT_NONE')).toBe(5);
    });

    test('a stranger’s certificate is refused, and says so', async () => {
      await expect(roundTrip('')).rejects.toMatchObject({
        code: 'BROKER_UNREACHABLE',
        message: expect.stringContaining('certificate'),
      });
      await expect(roundTrip('?ssl_ca_certs=/nowhere/ca.crt')).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('ssl_ca_certs'),
      });
    });
  });

  describe.each([
    { name: '', secure: false },
    { name: ', all of it over TLS', secure: true },
  ])('behind sentinels$name', ({ secure }) => {
    const folder = temporaryFolder('sentinel');
    const file = (name: string): string => join(folder.path, name);
    const password = 'secret';
    let master: RedisServer;
    let replica: RedisServer;
    const sentinels: ChildProcess[] = [];
    let url = '';
    let plainSentinels = '';
    const settings: RedisSettings = { masterName: 'main', leaseSeconds: 1, sentinelTls: secure };
    const startServer = async (args: readonly string[]): Promise<RedisServer> => {
      if (!secure) return startRedis({ args: [...args] });
      const port = await freePort();
      const tls = ['--port', '0', '--tls-port', String(port), ...tlsLines(file).map((line) => `--${line}`)];
      return startRedis({ port, args: [...tls.flatMap((line) => line.split(' ')), ...args] });
    };
    beforeAll(async () => {
      if (secure) await certificates(folder.path);
      const access = ['--requirepass', password, '--masterauth', password];
      master = await startServer(access);
      const follow = ['--replicaof', '127.0.0.1', String(master.port)];
      replica = await startServer([...access, ...follow]);
      const ports = [await freePort(), await freePort()];
      const tlsPorts = [await freePort(), await freePort()];
      const form = secure ? 'rediss+sentinel' : 'sentinel';
      const query = secure ? `?ssl_ca_certs=${file('ca.crt')}` : '';
      const addresses = (all: readonly number[]): string =>
        all.map((port) => `${form}://:${password}@127.0.0.1:${port}/0${query}`).join(';');
      for (const [i, port] of ports.entries()) {
        const lines = secure ? [`tls-port ${tlsPorts[i]}`, ...tlsLines(file)] : [];
        sentinels.push(await startSentinel(folder.path, port, master.port, password, lines));
      }
      url = addresses(secure ? tlsPorts : ports);
      plainSentinels = addresses(ports);
    });
    afterAll(async () => {
      for (const one of sentinels) one.kill('SIGKILL');
      await Promise.all([master.stop('SIGKILL'), replica.stop('SIGKILL')]);
      folder.remove();
    });

    test.runIf(secure)(
      'sentinels without TLS lead to a server with it, and its certificate is checked',
      async () => {
        const broker = await openRedisBroker(plainSentinels, { ...settings, sentinelTls: false });
        await broker.publish('plain', messages(3));
        expect(await broker.depth?.('plain')).toMatchObject({ waiting: 3 });
        await broker.close();
        const stranger = plainSentinels.replaceAll(/\?[^;]*/g, '');
        const refused = await openRedisBroker(stranger, { ...settings, sentinelTls: false });
        await expect(refused.publish('plain', messages(1))).rejects.toMatchObject({
          code: 'BROKER_UNREACHABLE',
          message: expect.stringContaining('certificate'),
        });
        await refused.close();
      },
    );

    test('after the server fails, work goes on at the one that takes its place', async () => {
      const broker = await openRedisBroker(url, settings);
      const consumer = await broker.consume(options);
      const sent = messages(10);
      await broker.publish('q', sent);
      const watching = new Redis(replica.port, {
        password,
        ...(secure && { tls: { rejectUnauthorized: false } }),
      });
      await until(async () => (await watching.llen('q')) === 10, 'the copy');
      const early = await consumer.take(4, patience);
      await until(async () => (await watching.hlen('unacked')) === 4, 'the copy of what is lent');
      await master.stop('SIGKILL');
      const more = messages(5);
      await until(
        () =>
          broker.publish('q', more).then(
            () => true,
            () => false,
          ),
        'the one that takes its place',
        60_000,
      );
      await Promise.all(early.map((one) => consumer.settle(one, { kind: 'done' })));
      const rest = await takeAll(consumer, 11);
      expect(new Set([...early.map(idOf), ...rest])).toEqual(new Set([...sent, ...more].map(({ id }) => id)));
      await until(async () => (await watching.hlen('unacked')) === 0, 'all to be settled');
      watching.disconnect();
      await consumer.close();
      await broker.close();
    });

    test('without the name of the server it says what is missing', async () => {
      await expect(openRedisBroker(url, {})).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('masterName'),
      });
    });
  });

  describe('as a cluster of three', () => {
    let nodes: RedisServer[] = [];
    let clients: Redis[] = [];
    beforeAll(async () => {
      nodes = await Promise.all([startNode(), startNode(), startNode()]);
      clients = nodes.map(({ port }) => new Redis(port));
      await makeCluster(clients, nodes);
    });
    afterAll(async () => {
      for (const client of clients) client.disconnect();
      await Promise.all(nodes.map((node) => node.stop('SIGKILL')));
    });
    const urlOf = (all: readonly RedisServer[]): string =>
      all.map(({ port }) => `redis+cluster://127.0.0.1:${port}`).join(';');
    const owner = (prefix: string): Redis => {
      const index = Math.floor(slotOf(prefix) / Math.ceil(16_384 / 3));
      return clients[index] as Redis;
    };
    const flush = async (): Promise<void> => {
      for (const client of clients) await client.flushall();
    };

    brokerContract(
      { test, expect },
      'cluster',
      async () => {
        await flush();
        const folder = temporaryFolder('redis-cluster');
        const redis = owner('{headcount}');
        return {
          folder: folder.path,
          open: () => openRedisBroker(urlOf(nodes), { leaseSeconds: 1 }),
          pushRaw: async (queue, text) => void (await redis.lpush(`{headcount}${queue}`, text)),
          aside: async () =>
            (await redis.lrange('{headcount}headcount.set_aside', 0, -1)).map(
              (entry) => (JSON.parse(entry) as { error: string }).error,
            ),
          taker: () => `
            import { openRedisBroker } from 'TASKS/brokers/redis.ts';
            const broker = await openRedisBroker('${urlOf(nodes)}', { leaseSeconds: 1 });
            const options = { queues: ['q'], name: 'taker', slots: 1, load: () => [], note: () => {} };
            const consumer = await broker.consume(options);
            await consumer.take(3, new AbortController().signal);
            console.log('taken');`,
          stop: async () => folder.remove(),
        };
      },
      async () => openRedisBroker(`redis+cluster://127.0.0.1:${await freePort()}`, {}),
    );

    resultsContract({ test, expect }, 'cluster', async () => {
      await flush();
      return {
        open: (expiresSeconds = 60) => openRedisResults(urlOf(nodes), {}, { expiresSeconds }),
        cut: async () => {
          for (const client of clients)
            for (const type of ['normal', 'pubsub'])
              await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        },
        stop: async () => {},
      };
    });

    test('a cluster of which no node answered is tried again', async () => {
      const port = await freePort();
      const broker = await openRedisBroker(`redis+cluster://127.0.0.1:${port}`, {});
      await expect(broker.publish('q', messages(1))).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
      const node = await startNode(port);
      try {
        const client = new Redis(port);
        await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
        const published = (): Promise<boolean> =>
          broker.publish('q', messages(1)).then(
            () => true,
            () => false,
          );
        await until(published, 'the first message');
        expect(await client.llen('{headcount}q')).toBe(1);
        client.disconnect();
      } finally {
        await broker.close();
        await node.stop('SIGKILL');
      }
    });

    test('whichever node is named, the one with the slot is found, and apps spread by their prefix', async () => {
      await flush();
      const prefixes = ['a', 'b', '{c}:', 'shop', 'mail'];
      for (const [i, keyPrefix] of prefixes.entries()) {
        const seed = nodes[i % 3] as RedisServer;
        const broker = await openRedisBroker(urlOf([seed]), { keyPrefix });
        await broker.publish('q', messages(3));
        expect(await owner(hashTagged(keyPrefix)).llen(`${hashTagged(keyPrefix)}q`)).toBe(3);
        await broker.close();
      }
      const used = new Set(prefixes.map((prefix) => owner(hashTagged(prefix))));
      expect(used.size).toBeGreaterThan(1);
    });

    test('remote control works there, and knows how many heard it', async () => {
      await flush();
      const app = createApp({ broker: urlOf(nodes), log: () => {} });
      app.task('add', (_context, a: number, b: number) => a + b);
      const worker = app.worker({ name: 'one@here' });
      const ended = worker.run();
      expect(await (await app.send('add', [1, 2])).get()).toBe(3);
      expect(await app.control.ask('ping', {}, { timeoutMs: 60_000 })).toMatchObject({ silentCount: 0 });
      await worker.stop();
      await ended;
      await app.close();
    });

    test('a slot that moves to another node takes its users along, and nothing is lost', async () => {
      await flush();
      const keyPrefix = '{moving}';
      const broker = await openRedisBroker(urlOf(nodes), { keyPrefix, leaseSeconds: 5 });
      const consumer = await broker.consume(options);
      const sent = messages(10);
      await broker.publish('q', sent);
      const first = await consumer.take(3, patience);
      const from = owner(keyPrefix);
      const target = clients.find((client) => client !== from) as Redis;
      await moveSlot(clients, from, target, slotOf(keyPrefix));
      const more = messages(5);
      await broker.publish('q', more);
      await Promise.all(first.map((one) => consumer.settle(one, { kind: 'done' })));
      const rest = await takeAll(consumer, 12);
      expect(new Set([...first.map(idOf), ...rest])).toEqual(new Set([...sent, ...more].map(({ id }) => id)));
      expect(await target.hlen('{moving}unacked')).toBe(0);
      await consumer.close();
      await broker.close();
    });
  });

  test('the slot of a key is that of the specification', () => {
    expect(slotOf('123456789')).toBe(0x31c3);
    expect(slotOf('{user1000}.following')).toBe(slotOf('user1000'));
    expect(hashTagged('')).toBe('{headcount}');
    expect(hashTagged('mine:')).toBe('{mine:}');
    expect(hashTagged('a{b}c')).toBe('a{b}c');
  });
});

function idOf({ message }: Awaited<ReturnType<Consumer['take']>>[number]): string {
  return message.ok ? message.value.id : '';
}

/** Takes and finishes until so many are done. */
async function takeAll(consumer: Consumer, count: number): Promise<string[]> {
  const ids: string[] = [];
  await until(
    async () => {
      const taken = await consumer.take(5, patience).catch(() => []);
      await Promise.all(taken.map((one) => consumer.settle(one, { kind: 'done' })));
      ids.push(...taken.map(idOf));
      return ids.length >= count;
    },
    `${count} messages`,
    60_000,
  );
  return ids;
}

/** Of a configuration: replication and what sentinels say to servers, over TLS. */
function tlsLines(file: (name: string) => string): string[] {
  return [
    `tls-cert-file ${file('server.crt')}`,
    `tls-key-file ${file('server.key')}`,
    `tls-ca-cert-file ${file('ca.crt')}`,
    'tls-auth-clients optional',
    'tls-replication yes',
  ];
}

async function startSentinel(
  folder: string,
  port: number,
  master: number,
  password: string,
  lines: readonly string[],
): Promise<ChildProcess> {
  const config = join(folder, `sentinel-${port}.conf`);
  writeFileSync(
    config,
    `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor main 127.0.0.1 ${master} 1
sentinel auth-pass main ${password}
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 5000
${lines.join('\n')}
`,
  );
  const child = spawn(inject('servers').redisServer, [config, '--sentinel'], { stdio: 'ignore' });
  const client = new Redis(port, { lazyConnect: true, retryStrategy: () => 100 });
  client.on('error', () => {});
  const replicas = async (): Promise<boolean> => {
    const found = await client.call('SENTINEL', 'REPLICAS', 'main').catch(() => []);
    return Array.isArray(found) && found.length === 1;
  };
  await until(replicas, 'the sentinel to know the replica', 60_000);
  client.disconnect();
  return child;
}

/** Its bus is on a port of its own: ten thousand above, as is the default, may be no port at all. */
async function startNode(port?: number): Promise<RedisServer> {
  const bus = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
  const args = [...bus, '--cluster-node-timeout', '5000'];
  return await startRedis({ args, ...(port !== undefined && { port }) });
}

async function makeCluster(clients: readonly Redis[], nodes: readonly RedisServer[]): Promise<void> {
  const cli = inject('servers').redisServer.replace(/redis-server$/, 'redis-cli');
  const places = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run(cli, ['--cluster', 'create', ...places, '--cluster-yes']);
  const ready = async (client: Redis): Promise<boolean> =>
    ((await client.cluster('INFO')) as string).includes('cluster_state:ok');
  for (const client of clients) await until(() => ready(client), 'the cluster');
}

async function moveSlot(all: readonly Redis[], from: Redis, to: Redis, slot: number): Promise<void> {
  const idOfNode = async (client: Redis): Promise<string> => String(await client.call('CLUSTER', 'MYID'));
  const [source, target] = [await idOfNode(from), await idOfNode(to)];
  const setSlot = (client: Redis, ...args: string[]): Promise<unknown> =>
    client.call('CLUSTER', 'SETSLOT', String(slot), ...args);
  await setSlot(to, 'IMPORTING', source);
  await setSlot(from, 'MIGRATING', target);
  const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', String(slot), '100')) as string[];
  const port = String(to.options.port);
  await from.call('MIGRATE', '127.0.0.1', port, '', '0', '5000', 'KEYS', ...keys);
  for (const client of [to, from, ...all]) await setSlot(client, 'NODE', target);
}
