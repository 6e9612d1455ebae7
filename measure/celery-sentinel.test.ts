/** A broker behind a real sentinel: the master is killed, and the meter finds the one that takes its place. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { has, type RedisServer, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';
import { celeryRedis } from './celery-redis.ts';
import type { Meter } from './meter.ts';

const patience = AbortSignal.timeout(600_000);
const defaults = Object.fromEntries(
  celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']),
);

function meterOf(options: Record<string, string | boolean>): Meter {
  return celeryRedis.create(
    { ...defaults, control: false, ...options },
    { appToken: 'token', processType: 'worker', now: Date.now },
  );
}

describe.skipIf(!has('redisServer'))('behind sentinels', () => {
  const folder = temporaryFolder('sentinel');
  let master: RedisServer;
  let replica: RedisServer;
  let sentinel: ChildProcess;
  let port: number;

  beforeAll(async () => {
    master = await startRedis();
    replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
    port = await freePort();
    const config = join(folder.path, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder.path}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    sentinel = spawn(inject('servers').redisServer, [config, '--sentinel'], { stdio: 'ignore' });
    const client = new Redis(port, { lazyConnect: true, retryStrategy: () => 100 });
    client.on('error', () => {});
    await until(
      async () => {
        const found = await client.call('SENTINEL', 'REPLICAS', 'main').catch(() => []);
        return Array.isArray(found) && found.length === 1;
      },
      'the sentinel to know the replica',
      60_000,
    );
    client.disconnect();
  });
  afterAll(async () => {
    sentinel.kill('SIGKILL');
    await replica.stop();
    folder.remove();
  });

  test('the queue is counted before and after a fail-over, and never said to be empty between them', async () => {
    const keys = new Redis(master.port);
    await keys.lpush('celery', ...Array.from({ length: 7 }, () => '{}'));
    await keys.wait(1, 30_000);
    keys.disconnect();
    const meter = meterOf({ url: `sentinel://127.0.0.1:${port}/0`, masterName: 'main' });
    expect(await meter.read(patience)).toMatchObject([{ kind: 'jobs', waiting: 7 }]);
    await master.stop();
    const seen: unknown[] = [];
    await until(
      async () => {
        const [reading] = await meter.read(patience);
        seen.push(reading?.kind === 'jobs' ? reading.waiting : reading?.kind);
        return reading?.kind === 'jobs';
      },
      'the new master',
      60_000,
    );
    expect(new Set(seen)).toEqual(new Set(['unknown', 7]));
    await meter.close?.();
  });

  test('a name that the sentinels do not know, and none at all, are unknown with their reason', async () => {
    for (const [masterName, why] of [
      ['other', 'behind the sentinels at 127.0.0.1'],
      ['', 'sentinel:// needs masterName'],
    ] as const) {
      const meter = meterOf({ url: `sentinel://127.0.0.1:${port}/0`, masterName });
      expect(await meter.read(patience)).toMatchObject([
        { kind: 'unknown', why: expect.stringContaining(why) },
      ]);
      await meter.close?.();
    }
  });
});

describe.skipIf(!has('redisServer'))('behind a sentinel, with TLS to the server', () => {
  const folder = temporaryFolder('sentinel-tls');
  const file = (name: string): string => join(folder.path, name);
  let master: RedisServer;
  let sentinel: ChildProcess | undefined;
  let port: number;

  beforeAll(async () => {
    const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const out = ['-keyout', file('server.key'), '-out', file('server.crt')];
    const self = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...out, ...subject];
    await promisify(execFile)('openssl', self);
    const tls = [
      ['tls-cert-file', file('server.crt')],
      ['tls-key-file', file('server.key')],
      ['tls-ca-cert-file', file('server.crt')],
      ['tls-auth-clients', 'optional'],
      ['tls-replication', 'yes'],
    ] as const;
    const masterPort = await freePort();
    const args = ['--port', '0', '--tls-port', String(masterPort), '--requirepass', 'secret'];
    master = await startRedis({
      port: masterPort,
      args: [...args, ...tls.flatMap(([name, value]) => [`--${name}`, value])],
    });
    port = await freePort();
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder.path}`,
      ...tls.map(([name, value]) => `${name} ${value}`),
      `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
      'sentinel auth-pass main secret',
    ];
    writeFileSync(file('sentinel.conf'), `${lines.join('\n')}\n`);
    sentinel = spawn(inject('servers').redisServer, [file('sentinel.conf'), '--sentinel'], {
      stdio: 'ignore',
    });
  });
  afterAll(async () => {
    sentinel?.kill('SIGKILL');
    await master?.stop('SIGKILL');
    folder.remove();
  });

  test('the queue is counted; a certificate that nobody vouches for, and no TLS at all, are unknown', async () => {
    const address = (form: string, query = ''): string => `${form}://:secret@127.0.0.1:${port}/0${query}`;
    const any = '?ssl_cert_reqs=none';
    const meter = meterOf({ url: address('rediss+sentinel', any), masterName: 'main' });
    await until(async () => (await meter.read(patience))[0]?.kind === 'jobs', 'the sentinel', 60_000);
    const server = `rediss://:secret@127.0.0.1:${master.port}/0`;
    const client = new Redis(server, { tls: { rejectUnauthorized: false } });
    await client.lpush('celery', '{}', '{}', '{}');
    client.disconnect();
    expect(await meter.read(patience)).toMatchObject([{ kind: 'jobs', waiting: 3 }]);
    await meter.close?.();
    for (const url of [address('rediss+sentinel'), address('sentinel')]) {
      const wrong = meterOf({ url, masterName: 'main' });
      expect(await wrong.read(patience)).toMatchObject([{ kind: 'unknown' }]);
      await wrong.close?.();
    }
  });
});
