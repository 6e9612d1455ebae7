/** A real RabbitMQ that refuses: for want of memory, of rights, of a certificate; and addresses with odd letters in them. */
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import amqp, { type ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { certificates } from '../../checks/certificates.ts';
import { has, type RabbitServer, startRabbit, temporaryFolder } from '../../checks/fixtures.ts';
import { printed, spawnProgram } from '../../checks/program.ts';
import { freePort, until } from '../../checks/servers.ts';
import { createApp, type TasksApp } from '../index.ts';
import { gateOf } from './blocked.ts';

const apps: TasksApp[] = [];
const open = (broker: string, queueType: 'classic' | 'quorum' = 'classic'): TasksApp => {
  const app = createApp({ broker, results: false, rabbitmq: { queueType }, log: () => {} });
  apps.push(app);
  return app;
};
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close().catch(() => {});
});

describe.skipIf(!has('rabbitmq'))('a RabbitMQ that is short of memory', () => {
  const folder = temporaryFolder('rabbit-blocked');
  let server: RabbitServer;
  beforeAll(async () => {
    server = await startRabbit({ config: 'vm_memory_high_watermark.absolute = 1MB' });
  }, 90_000);
  afterAll(async () => {
    await server.stop();
    folder.remove();
  });

  test('a send and a question behind it are told so, instead of waiting for ever', async () => {
    const app = open(server.url);
    let told: unknown;
    await until(
      () =>
        app.send('t', [], { queue: 'full' }).then(
          () => false,
          (error: unknown) => {
            told = error;
            return true;
          },
        ),
      'the refusal',
      60_000,
    );
    expect(told).toMatchObject({
      code: 'BROKER_UNREACHABLE',
      message: expect.stringMatching(/blocks who sends.*memory/),
    });
    await expect(app.depth('full')).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
  });

  test('a process that has closed its app ends', async () => {
    const child = spawnProgram(
      folder.path,
      `import { createApp } from 'TASKS/index.ts';
       const app = createApp({ broker: '${server.url}', results: false, log: () => {} });
       try {
         while (true) await app.send('t', [], { queue: 'full' });
       } catch {
         await app.close();
         console.log('closed');
       }`,
    );
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await printed(child, 'closed');
    expect(await gone).toBe(0);
  });
});

describe('the gate of a connection', () => {
  afterEach(() => void vi.useRealTimers());
  const gate = () => {
    vi.useFakeTimers();
    const connection = new EventEmitter();
    return { connection, gate: gateOf(connection as unknown as ChannelModel) };
  };

  test('what is under way when it is blocked goes on, or is told after eight seconds', async () => {
    const { connection, gate: one } = gate();
    const work = new EventEmitter();
    const soon = one.pass(() => once(work, 'done'));
    const never = one.pass(() => new Promise(() => {})).catch((error: Error) => error.message);
    connection.emit('blocked', 'low on disk');
    work.emit('done', 1);
    expect(await soon).toEqual([1]);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await never).toContain('low on disk');
  });

  test('what comes while it is blocked is not begun before there is room', async () => {
    const { connection, gate: one } = gate();
    connection.emit('blocked', 'low on memory');
    const work = vi.fn(async () => 'done');
    const waiting = one.pass(work);
    await vi.advanceTimersByTimeAsync(7_999);
    expect(work).not.toHaveBeenCalled();
    connection.emit('unblocked');
    expect(await waiting).toBe('done');
    connection.emit('blocked', 'low on memory');
    const refused = one.pass(work).catch((error: Error) => error.message);
    await vi.advanceTimersByTimeAsync(8_000);
    expect(await refused).toContain('low on memory');
    await expect(one.pass(work)).rejects.toThrow('low on memory');
    connection.emit('close');
    expect(await one.pass(work)).toBe('done');
    expect(work).toHaveBeenCalledTimes(2);
  });
});

describe.skipIf(!has('rabbitmq'))(
  'a RabbitMQ over TLS, whose user, password and virtual host have odd letters',
  () => {
    const folder = temporaryFolder('rabbit-tls');
    const file = (name: string): string => join(folder.path, name);
    let server: RabbitServer;
    let tlsPort: number;
    beforeAll(async () => {
      await certificates(folder.path);
      tlsPort = await freePort();
      const config = [
        `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
        `ssl_options.cacertfile = ${file('ca.crt')}`,
        `ssl_options.certfile = ${file('server.crt')}`,
        `ssl_options.keyfile = ${file('server.key')}`,
        'ssl_options.verify = verify_peer',
        'ssl_options.fail_if_no_peer_cert = false',
        `load_definitions = ${file('definitions.json')}`,
      ];
      const configure = '^(q.*|mail.*|high|celery_delayed.*)$';
      const definitions = {
        users: [{ name: 'us:er', password: 'p@ss/wörd%', tags: '' }],
        vhosts: [{ name: 'my/vhost' }],
        permissions: [{ user: 'us:er', vhost: 'my/vhost', configure, write: '.*', read: '.*' }],
      };
      writeFileSync(file('definitions.json'), JSON.stringify(definitions));
      server = await startRabbit({ config: config.join('\n') });
    }, 90_000);
    afterAll(async () => {
      await server.stop();
      folder.remove();
    });
    const access = `us%3Aer:${encodeURIComponent('p@ss/wörd%')}`;
    const plain = (): string => `amqp://${access}@127.0.0.1:${server.port}/my%2Fvhost`;
    const secure = (query: string): string => `amqps://${access}@127.0.0.1:${tlsPort}/my%2Fvhost${query}`;

    test('jobs go over TLS with an authority of one’s own, or with none that is asked for', async () => {
      const ca = `ssl_ca_certs=${file('ca.crt')}`;
      const own = `&ssl_certfile=${file('server.crt')}&ssl_keyfile=${file('server.key')}`;
      const queries = [`?${ca}`, `?heartbeat=30&${ca}${own}`, '?ssl_cert_reqs=none'];
      for (const query of queries) await open(secure(query)).send('t', [], { queue: 'q' });
      expect(await open(plain()).depth('q')).toMatchObject({ waiting: queries.length });
    });

    test('a stranger’s certificate, a wrong password and a lacking right are told as what they are', async () => {
      const failure = async (broker: string, queue = 'q'): Promise<string> =>
        open(broker)
          .send('t', [], { queue })
          .then(
            () => 'sent',
            (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
          );
      expect(await failure(secure(''))).toMatch(/^BROKER_UNREACHABLE: .*certificate/);
      expect(await failure(secure('?ssl_ca_certs=/nowhere'))).toMatch(/^OPTION_INVALID: .*ssl_ca_certs/);
      expect(await failure(plain().replace('%25', '%26'))).toMatch(/^BROKER_UNREACHABLE: .*ACCESS.REFUSED/);
      expect(await failure(plain(), 'forbidden')).toMatch(/^BROKER_UNREACHABLE: .*forbidden.*rights/);
      expect(await failure(plain(), 'x'.repeat(256))).toMatch(/^OPTION_INVALID: .*too long/);
    });

    test('a percent sign that begins nothing is one, as in Python', async () => {
      const loose = plain().replace(encodeURIComponent('p@ss/wörd%'), 'p%40ss%2Fw%C3%B6rd%');
      await open(loose).send('t', [], { queue: 'q-loose' });
      expect(await open(plain()).depth('q-loose')).toMatchObject({ waiting: 1 });
    });

    test('what is for later reaches its own queue and no other, also when that was deleted meanwhile', async () => {
      const app = open(plain(), 'quorum');
      const access = { username: 'us:er', password: 'p@ss/wörd%', vhost: 'my/vhost' };
      const connection = await amqp.connect({ hostname: '127.0.0.1', port: server.port, ...access });
      const channel = await connection.createChannel();
      await app.send('t', [], { queue: 'high', countdown: 1.5 });
      await app.send('t', [], { queue: 'mail.high', countdown: 1.5 });
      await app.send('t', [], { queue: 'q-gone', countdown: 1.5 });
      await channel.deleteQueue('q-gone');
      await app.send('t', [], { queue: 'q-gone' });
      await app.send('t', [], { queue: 'q-gone', countdown: 1.5 });
      const waiting = async (queue: string): Promise<number> => (await app.depth(queue)).waiting;
      await until(async () => (await waiting('q-gone')) >= 2, 'the ones after the queue was made again');
      await until(
        async () => (await waiting('mail.high')) === 1 && (await waiting('high')) >= 1,
        'the others',
      );
      expect(await waiting('high')).toBe(1);
      for (let bit = 0; bit < 28; bit++) await channel.deleteQueue(`celery_delayed_${bit}`);
      // Its sender knows only that it was there.
      await app.send('t', [], { queue: 'high', countdown: 1.5 });
      await until(async () => (await waiting('high')) === 2, 'the one after all was taken away');
      await connection.close();
    });
  },
);
