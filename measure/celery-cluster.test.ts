/**
 * A real Redis Cluster of two nodes. kombu has no transport for one (celery/celery#2852), but with a global_keyprefix that is a hash tag all
 * of its keys lie in one slot, and the node that has it serves Celery like any Redis. So it is measured there, and told elsewhere.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { has, type RedisServer, startRedis } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import { celeryRedis } from './celery-redis.ts';
import type { Meter } from './meter.ts';

const patience = AbortSignal.timeout(600_000);
const run = promisify(execFile);
const defaults = Object.fromEntries(
  celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']),
);

function meterOf(options: Record<string, string | boolean>): Meter {
  return celeryRedis.create(
    { ...defaults, control: false, ...options },
    { appToken: 'token', processType: 'worker', now: Date.now },
  );
}

describe.skipIf(!has('redisServer'))('a Redis Cluster', { timeout: 120_000 }, () => {
  const nodes: RedisServer[] = [];
  const clients: Redis[] = [];
  const meters: Meter[] = [];
  /** Whose slot `{celery}` is, and the other. */
  let home: RedisServer;
  let other: RedisServer;

  beforeAll(async () => {
    const buses = [await freePort(), await freePort()];
    for (const bus of buses)
      nodes.push(await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-port', String(bus)] }));
    for (const { url } of nodes) clients.push(new Redis(url));
    const [first, second] = clients;
    await first?.call('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
    await second?.call('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
    await first?.call('CLUSTER', 'MEET', '127.0.0.1', String(nodes[1]?.port), String(buses[1]));
    await until(
      async () => {
        const told = await Promise.all(clients.map((client) => client.call('CLUSTER', 'INFO')));
        return told.every((text) => /cluster_state:ok[\s\S]*cluster_known_nodes:2/.test(String(text)));
      },
      'the cluster',
      60_000,
    );
    const slot = Number(await first?.call('CLUSTER', 'KEYSLOT', '{celery}:'));
    [home, other] = (slot < 8_192 ? nodes : nodes.toReversed()) as [RedisServer, RedisServer];
  }, 120_000);
  afterAll(async () => {
    for (const meter of meters) await meter.close?.();
    for (const client of clients) client.disconnect();
    for (const node of nodes) await node.stop();
  });
  const read = async (options: Record<string, string | boolean>) => {
    const meter = meterOf(options);
    meters.push(meter);
    return (await meter.read(patience))[0];
  };

  test('keys in several slots are unknown, with what to do; so is the node that does not have them', async () => {
    expect(await read({ url: home.url })).toMatchObject({
      kind: 'unknown',
      why: expect.stringMatching(/is a Redis Cluster.*keyPrefix with a hash tag/),
    });
    expect(await read({ url: other.url, keyPrefix: '{celery}:' })).toMatchObject({
      kind: 'unknown',
      why: expect.stringContaining(`another one has the keys: write 127.0.0.1:${home.port} in the url`),
    });
  });

  test.skipIf(!has('python'))(
    "what Python's Celery sent under a hash tag is counted, with priorities",
    async () => {
      const code = [
        'import sys, celery',
        "app = celery.Celery('shop', broker=sys.argv[1])",
        "app.conf.broker_transport_options = {'global_keyprefix': '{celery}:'}",
        'for n in range(5): app.send_task("work", [n], priority=9 if n % 2 else 0)',
      ];
      await run(inject('servers').python, ['-c', code.join('\n'), `${home.url}/0`], { timeout: 60_000 });
      expect(await read({ url: `${home.url}/0`, keyPrefix: '{celery}:' })).toMatchObject({
        kind: 'jobs',
        waiting: 5,
      });
    },
  );
});
