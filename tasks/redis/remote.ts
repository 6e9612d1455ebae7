/**
 * Remote control and events on Redis, where kombu makes a fanout exchange of PUBLISH: `/<db>.celery.pidbox` for commands
 * and `/<db>.celeryev/<routing key>` for events. Answers go by a direct exchange: a set names the queue, and the answer is
 * pushed there. Facts: kombu/transport/redis.py and pidbox.py, 5.2.4 and 5.6.2.
 *
 * PUBLISH says how many workers heard a question, so that who asks knows when all have answered, in milliseconds;
 * Python's own client always waits for its full second. Answers are polled, not awaited with BRPOP: a blocking command
 * would need a connection more, and small plans have twenty.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { isRecord } from '../remote/command.ts';
import type { Asked, AskOptions, Remote, ReplyTo, Sent } from '../remote/remote.ts';
import { asking, type Keys, separator } from './connection.ts';

const commands = 'celery.pidbox';
const answers = 'reply.celery.pidbox';
const events = 'celeryev';

/** Whoever asked has long gone then; Redis would keep the list for ever. */
const answerLifeSeconds = 300;
const longestPollMs = 25;
const answersAtATime = 500;
/** Of all answers to one question together. */
const mostAnswerCharacters = 64_000_000;

/** @param open makes a connection for a listener: one that listens can do nothing else */
export function remoteOf(redis: Redis, keys: Keys, open: () => Promise<Redis>): Remote {
  const listen = (topic: string, pattern: boolean, hear: (sent: Sent) => void) =>
    listening(open, keys.topic(redis.options.db ?? 0, topic), pattern, hear);
  const publish = (topic: string, text: string): Promise<number> =>
    asking(redis, () => redis.publish(keys.topic(redis.options.db ?? 0, topic), text));
  return {
    hearCommands: (_node, hear) => listen(commands, false, hear),
    hearEvents: (group, hear) => listen(`${events}/${group === undefined ? '*' : `${group}.*`}`, true, hear),
    reply: (to, sent) => asking(redis, () => reply(redis, keys, to, sent)),
    announce: async (key, sent) => {
      await publish(`${events}/${key}`, envelope(sent, { exchange: events, routingKey: key }, 1));
    },
    ask: (question, options) => asking(redis, () => ask(redis, keys, publish, question, options)),
  };
}

async function listening(
  open: () => Promise<Redis>,
  channel: string,
  pattern: boolean,
  hear: (sent: Sent) => void,
): Promise<() => Promise<void>> {
  const redis = await open();
  const onText = (text: string): void => {
    const sent = parsedEnvelope(text);
    if (sent) hear(sent);
  };
  redis.on('message', (_channel: string, text: string) => onText(text));
  redis.on('pmessage', (_pattern: string, _channel: string, text: string) => onText(text));
  try {
    await asking(redis, () => (pattern ? redis.psubscribe(channel) : redis.subscribe(channel)));
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return async () => {
    // Redis answers in order: all that was published before has come when this is acknowledged.
    if (redis.status === 'ready')
      await (pattern ? redis.punsubscribe(channel) : redis.unsubscribe(channel)).catch(() => {});
    redis.disconnect();
  };
}

async function reply(redis: Redis, keys: Keys, to: ReplyTo, sent: Sent): Promise<void> {
  const bindings = await redis.smembers(keys.binding(to.exchange));
  const queues = bindings.map((binding) => binding.split(separator)).filter(([key]) => key === to.routingKey);
  for (const [, , queue] of queues) {
    if (!queue) continue;
    const list = keys.queue(queue, 0);
    await redis
      .multi()
      .lpush(list, envelope(sent, to, 2))
      .expire(list, answerLifeSeconds)
      .exec();
  }
}

async function ask(
  redis: Redis,
  keys: Keys,
  publish: (topic: string, text: string) => Promise<number>,
  { headers, body }: Sent,
  options: AskOptions,
): Promise<Asked> {
  const inbox = randomUUID();
  const list = keys.queue(`${inbox}.${answers}`, 0);
  const binding = [inbox, '', `${inbox}.${answers}`].join(separator);
  const asked = { ...(body as object), reply_to: { exchange: answers, routing_key: inbox } };
  await redis.sadd(keys.binding(answers), binding);
  try {
    const text = envelope({ headers, body: asked }, { exchange: commands, routingKey: '' }, 2);
    const heard = await publish(commands, text);
    const expected = Math.min(heard, options.expected ?? heard);
    return { heard, replies: await collect(redis, list, expected, options) };
  } finally {
    // Without the binding a late answer is dropped.
    await redis
      .multi()
      .srem(keys.binding(answers), binding)
      .del(list)
      .exec()
      .catch(() => {});
  }
}

async function collect(
  redis: Redis,
  list: string,
  expected: number,
  { timeoutMs, signal }: AskOptions,
): Promise<Sent[]> {
  const found: Sent[] = [];
  const end = performance.now() + timeoutMs;
  let characters = 0;
  for (let pauseMs = 1; found.length < expected; pauseMs = Math.min(pauseMs * 1.5, longestPollMs)) {
    if (performance.now() > end || characters > mostAnswerCharacters) break;
    await pause(pauseMs, undefined, { signal });
    const results = await redis
      .multi()
      .lrange(list, 0, answersAtATime - 1)
      .ltrim(list, answersAtATime, -1)
      .exec();
    for (const text of (results?.[0]?.[1] ?? []) as string[]) {
      characters += text.length;
      const sent = parsedEnvelope(text);
      if (sent) found.push(sent);
    }
  }
  return found;
}

/** As kombu's virtual transports write a message; mode 1 is transient. */
function envelope({ headers, body }: Sent, to: ReplyTo, deliveryMode: 1 | 2): string {
  return JSON.stringify({
    body: Buffer.from(JSON.stringify(body)).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: {
      delivery_mode: deliveryMode,
      delivery_info: { exchange: to.exchange, routing_key: to.routingKey },
      priority: 0,
      body_encoding: 'base64',
      delivery_tag: randomUUID(),
    },
  });
}

/** Undefined for whatever a stranger published. */
function parsedEnvelope(text: string): Sent | undefined {
  try {
    const { headers, body, properties } = JSON.parse(text) as Record<string, unknown>;
    const encoded = isRecord(properties) && properties.body_encoding === 'base64';
    const plain = encoded ? Buffer.from(String(body), 'base64').toString() : String(body);
    return { headers: isRecord(headers) ? headers : {}, body: JSON.parse(plain) as unknown };
  } catch {
    return undefined;
  }
}
