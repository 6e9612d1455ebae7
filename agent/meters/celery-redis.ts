/**
 * Celery queues in Redis, over the app's own client (ioredis or node-redis), as kombu lays them out: a list for each priority step and the
 * one hash `unacked` with what workers hold. One script sees both at one moment; then the workers are asked what they run,
 * because a job that is acknowledged early, Celery's default, is in no key while it runs.
 *
 * waiting = the lists + held by workers, without what runs and what is due later; the oldest is known where producers write a publish time
 * (`published_at` or HireFire's `run_at`). Workers that do not answer make `running` absent, and an empty queue unknown: a
 * worker that is silent may be at work. The controller's own meter (celery-redis) does more: bindings by topic, slots, estimates.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Meter } from '../reading.ts';
import {
  answerOf,
  type ControlJob,
  fieldsOf,
  parseJson,
  questionOf,
  redisMessage,
} from './celery-control.ts';
import { countAll, heldHere, type LeadsHere } from './celery-redis-count.ts';
import { meterOf, type QueueLook } from './look.ts';

/** ioredis has `call`, node-redis has `sendCommand`. */
export type RedisClient =
  | {
      call(command: string, ...args: string[]): Promise<unknown>;
      readonly options?: { readonly db?: number | undefined };
    }
  | {
      sendCommand(args: string[]): Promise<unknown>;
      readonly options?: { readonly database?: number | undefined };
    };

export interface CeleryRedisOptions {
  /** Connected to the broker's database, without a key prefix of its own. */
  readonly redis: RedisClient;
  readonly queues: readonly string[];
  /** `global_keyprefix` of the broker's transport options. */
  readonly keyPrefix?: string;
  /** `sep`, and `priority_steps`. */
  readonly separator?: string;
  readonly prioritySteps?: readonly number[];
  /** Default: as the client says, else 0. */
  readonly database?: number;
  /** How long workers may take to say what they run; 0: they are not asked. Default 1,000 ms. */
  readonly controlTimeoutMs?: number;
  readonly now?: () => number;
}

/** Of a longer list, and of a larger `unacked`, only so many are read; then it is an estimate. */
const listReadMaximum = 200;
const heldReadMaximum = 2_000;

// Large bodies stay in Redis: of a message over 4 KB only what is needed of its headers is cut out.
const script = String.raw`
local function field(text, name)
  local value = text:match('"' .. name .. '": ?"([^"\\]*)"') or text:match('"' .. name .. '": ?([%d.]+)')
  return '"' .. name .. '":' .. (value and '"' .. value .. '"' or 'null')
end
local function short(text)
  if #text <= 4096 then return text end
  local tail = text:match('^%[.*}(, ?"[^"\\]*", ?"[^"\\]*"%])$')
  local cut = '{"headers":{"task":"",' .. field(text, 'id') .. ',' .. field(text, 'eta') .. ',' .. field(text, 'run_at') .. ',' .. field(text, 'published_at') .. '}}'
  return tail and '[' .. cut .. tail or cut
end
local lists = {}
for i = 2, #KEYS do
  local ends = redis.call('LRANGE', KEYS[i], -ARGV[1], -1)
  for n, text in ipairs(ends) do ends[n] = short(text) end
  lists[i - 1] = {redis.call('LLEN', KEYS[i]), ends}
end
local held = redis.call('HLEN', KEYS[1])
local some = {}
if held <= tonumber(ARGV[2]) then some = redis.call('HVALS', KEYS[1])
else for i, text in ipairs(redis.call('HSCAN', KEYS[1], 0, 'COUNT', 500)[2]) do if i % 2 == 0 then some[#some + 1] = text end end end
for n, text in ipairs(some) do some[n] = short(text) end
return {lists, held, some}`;

export function celeryRedis(options: CeleryRedisOptions): Meter {
  const { queues, now } = options;
  return meterOf({ name: 'celery-redis', queues, now, look: (...look) => lookAt(options, ...look) });
}

type Run = (...args: string[]) => Promise<unknown>;

async function lookAt(
  options: CeleryRedisOptions,
  queue: string,
  at: number,
  signal: AbortSignal,
): Promise<QueueLook> {
  const { redis, keyPrefix = '', separator = '\x06\x16', prioritySteps = [0, 3, 6, 9] } = options;
  const run: Run = (command, ...args) =>
    'call' in redis ? redis.call(command ?? '', ...args) : redis.sendCommand([command ?? '', ...args]);
  const keys = [
    `${keyPrefix}unacked`,
    ...prioritySteps.map((step) => keyPrefix + queue + (step === 0 ? '' : separator + step)),
  ];
  const limits = [String(listReadMaximum), String(heldReadMaximum)];
  const [reply, active] = await Promise.all([
    run('EVAL', script, String(keys.length), ...keys, ...limits),
    activeJobs(options, run, at, signal),
  ]);
  const [lists, heldCount, heldTexts] = reply as [[number, string[]][], number, string[]];
  const leadsHere = await routesTo(run, { queue, keyPrefix, separator }, heldTexts, active);
  const here = heldTexts.flatMap((text) => heldHere(text, leadsHere));
  const running =
    active && new Set(active.filter((job) => leadsHere(job.exchange, job.routingKey)).map(({ id }) => id));
  return countAll({
    lists,
    here,
    heldShare: heldTexts.length === 0 ? 1 : heldCount / heldTexts.length,
    running,
    at,
  });
}

/** Undefined when a worker is silent. */
async function activeJobs(
  { redis, keyPrefix = '', separator = '\x06\x16', database, controlTimeoutMs = 1_000 }: CeleryRedisOptions,
  run: Run,
  at: number,
  signal: AbortSignal,
): Promise<ControlJob[] | undefined> {
  if (controlTimeoutMs <= 0) return undefined;
  const ticket = randomUUID();
  const replies = `${ticket}.reply.celery.pidbox`;
  const bindings = [
    `${keyPrefix}_kombu.binding.reply.celery.pidbox`,
    [ticket, '', replies].join(separator),
  ] as const;
  const options = (redis.options ?? {}) as { readonly db?: number; readonly database?: number };
  const channel = `${keyPrefix}/${database ?? options.db ?? options.database ?? 0}.celery.pidbox`;
  const question = questionOf('active', ticket, { exchange: 'reply.celery.pidbox', routing_key: ticket });
  try {
    await run('SADD', ...bindings);
    const expected = Number(await run('PUBLISH', channel, redisMessage(question, at)));
    const end = performance.now() + controlTimeoutMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 1.5, 25)) {
      const texts =
        expected === 0 ? [] : ((await run('LRANGE', keyPrefix + replies, '0', '999')) as string[]);
      if (texts.length >= expected) return answersIn(texts, ticket);
      if (performance.now() > end) return undefined;
      await wait(pauseMs, undefined, { signal, ref: false });
    }
  } finally {
    // Without the binding a worker drops a late answer instead of leaving a list behind.
    await Promise.all([run('SREM', ...bindings), run('DEL', keyPrefix + replies)]).catch(() => undefined);
  }
}

function answersIn(texts: readonly string[], ticket: string): ControlJob[] | undefined {
  const answers = texts.map((text) => {
    const { body, headers } = fieldsOf(parseJson(text));
    return answerOf(
      parseJson(Buffer.from(String(body), 'base64').toString()),
      fieldsOf(headers).ticket,
      ticket,
    );
  });
  return answers.includes(undefined) ? undefined : answers.flatMap((answer) => answer?.jobs ?? []);
}

/** By the default exchange the routing key is the queue; of others the bindings are read: `key SEP pattern SEP queue`. */
async function routesTo(
  run: Run,
  { queue, keyPrefix, separator }: { queue: string; keyPrefix: string; separator: string },
  heldTexts: readonly string[],
  active: readonly ControlJob[] | undefined,
): Promise<LeadsHere> {
  const held = heldTexts.map((text) => String((parseJson(text) as unknown[] | undefined)?.[1] ?? ''));
  const names = [...new Set([...held, ...(active ?? []).map(({ exchange }) => exchange)])].filter(
    (name) => name !== '',
  );
  const bound = new Map<string, Set<string>>();
  for (const name of names.slice(0, 50)) {
    const members = (await run('SMEMBERS', `${keyPrefix}_kombu.binding.${name}`)) as string[];
    const parts = members.map((member) => member.split(separator));
    if (parts.length > 0)
      bound.set(name, new Set(parts.filter((part) => part[2] === queue).map(([key = '']) => key)));
  }
  return (exchange, routingKey) => bound.get(exchange)?.has(routingKey) ?? routingKey === queue;
}
