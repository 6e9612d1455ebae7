/**
 * Messages that are broken in every way that chance and hand can find, before a real worker on real brokers: each is dealt
 * with, and the good job behind them runs. The seed is in the output, MALFORMED_SEED repeats it.
 */
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { countCases } from '../../checks/celery.ts';
import { has, startRabbit, startRedis } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';
import { encodeEnvelope } from '../envelope.ts';
import { createApp, type TasksApp } from '../index.ts';
import { encode, newMessage } from '../message.ts';

const seed = Number(process.env.MALFORMED_SEED ?? 7);
const random = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] =>
  fc.sample(arbitrary, { seed, numRuns });

const valid = newMessage({ id: 'valid', task: 'nobody', args: [1, 'x', { a: null }], publishedAtMs: 1 });
const envelope = encodeEnvelope(valid, { queue: 'celery', deliveryTag: 'tag' });

countCases('malformed messages', 'all brokers that run here');

const byHand = [
  ...[
    '',
    ' ',
    '{',
    '}',
    '{}',
    '[]',
    'null',
    '0',
    '"x"',
    '{"a":1',
    '{"delivery_tag": "x"}',
    '\u0000',
    '{\u0000}',
  ],
  '{"body": "W10=", "headers": {}, "properties": {"delivery_tag": "t"}}',
  '{"body": 5, "headers": [], "properties": "delivery_tag"}',
  '{"delivery_tag": "open", "body": "}',
  envelope.replace('"delivery_tag":"tag"', '"delivery_tag":5'),
  envelope.replace('"delivery_tag":"tag"', '"delivery_tag":""'),
  envelope.replace('"content-type":"application/json"', '"content-type":"application/x-python-serialize"'),
  envelope.replace(/"body":"[^"]*"/, '"body":"%%%"'),
  envelope.replace(/"headers":\{/, '"headers":{"compression":"application/x-gzip",'),
  envelope.replace('"retries":0', '"retries":-1'),
  envelope.replace('"eta":null', '"eta":"soon"'),
  envelope
    .replace('"headers":{', '"headers":{"redelivered": true,')
    .replace(/"delivery_tag".*/, '"delivery_tag":"u", oops}'),
  envelope.replace(/"body":"[^"]*"/, `"body":"${' '.repeat(300_000)}*"`),
  envelope.replace(
    /"body":"[^"]*"/,
    `"body":"${Buffer.from(`[${'['.repeat(50_000)}${']'.repeat(50_000)},{},null]`).toString('base64')}"`,
  ),
];

/** The valid text with a part taken out, doubled or replaced. */
const damaged = fc
  .tuple(fc.nat(envelope.length), fc.nat(80), fc.oneof(fc.constant(''), fc.string(), fc.json()))
  .map(([from, length, instead]) => envelope.slice(0, from) + instead + envelope.slice(from + length));

const texts = [...byHand, ...random(damaged, 250), ...random(fc.string(), 60), ...random(fc.json(), 60)];

async function survives(app: TasksApp, left: () => Promise<number>): Promise<void> {
  let done = 0;
  const good = app.task('good', () => void done++);
  await good.delay();
  const worker = app.worker({ concurrency: 2 });
  const ended = worker.run();
  try {
    await until(() => done === 1, `the good job behind ${texts.length} broken ones, seed ${seed}`, 60_000);
    await until(async () => (await left()) === 0, 'all to be dealt with');
    await good.delay();
    await until(() => done === 2, 'a job after them');
  } finally {
    await worker.stop();
    await ended;
    await app.close();
  }
}

test.skipIf(!has('redisServer'))('on Redis', async () => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  try {
    for (const text of texts) await redis.lpush('celery', text);
    const app = createApp({ broker: server.url, results: false, log: () => {} });
    await survives(app, async () => (await redis.llen('celery')) + (await redis.hlen('unacked')));
    // Damage that left the message whole ends there too: nobody has its task.
    expect(await redis.llen('headcount.set_aside')).toBeGreaterThan(texts.length / 2);
  } finally {
    redis.disconnect();
    await server.stop();
  }
});

test.skipIf(!has('rabbitmq'))('on RabbitMQ', async () => {
  const server = await startRabbit();
  const { connect } = await import('amqplib');
  const connection = await connect(server.url);
  try {
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('celery', { durable: true });
    const { headers } = encode(valid);
    const odd = random(
      fc.dictionary(fc.string({ maxLength: 20 }), fc.oneof(fc.string(), fc.integer(), fc.boolean())),
      texts.length,
    );
    for (const [i, text] of texts.entries())
      channel.sendToQueue('celery', Buffer.from(text), {
        headers: i % 3 === 0 ? headers : { ...(i % 3 === 1 ? headers : {}), ...odd[i] },
        ...(i % 4 === 0 ? {} : { contentType: i % 4 === 1 ? 'text/plain' : 'application/json' }),
      });
    await channel.waitForConfirms();
    const app = createApp({ broker: server.url, results: false, log: () => {} });
    await survives(app, async () => (await app.depth('celery')).waiting);
    await connection.close();
  } finally {
    await server.stop('SIGTERM');
  }
});
