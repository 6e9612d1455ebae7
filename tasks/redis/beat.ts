/**
 * Entries of a beat in Redis: a hash of records, and a lease that Redis itself lets expire, so that the clocks of the
 * beats' machines do not matter. Each change is one script; one that fires an entry pushes its message in the same step.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { BeatStore, Swap, SwapResult } from '../beat/store.ts';
import { encodeEnvelope } from '../envelope.ts';
import type { Format } from '../format.ts';
import { asking, type Keys, separator } from './connection.ts';

const leaseScript = `
local held = redis.call('GET', KEYS[1])
local token, holder
if held then token, holder = string.match(held, '^(%d+) (.*)$') end
if holder and holder ~= ARGV[1] then return {0, holder} end
if not token then token = redis.call('INCR', KEYS[2]) end
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return {1, tostring(token)}`;

const releaseScript = `
local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+ (.*)$') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

const swapScript = `
local name, from, to, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if token ~= '' then
  local held = redis.call('GET', KEYS[1])
  if not held or string.match(held, '^(%d+) ') ~= token then return 'fenced' end
end
if (redis.call('HGET', KEYS[2], name) or '') ~= from then return 'changed' end
if to == '' then redis.call('HDEL', KEYS[2], name) else redis.call('HSET', KEYS[2], name, to) end
if #ARGV > 5 then redis.call('SADD', KEYS[3], ARGV[5]) end
for i = 6, #ARGV do redis.call('LPUSH', KEYS[i - 2], ARGV[i]) end
return 'done'`;

/** @param prefix Celery's `global_keyprefix` */
export function redisBeatStore(
  redis: Redis,
  keys: Keys,
  format: Format,
  prefix: string,
  name: string,
): BeatStore {
  const key = (part: string): string => `${prefix}headcount.beat.${name}.${part}`;
  return {
    lease: (holder, leaseMs) =>
      asking(redis, async () => {
        const given = [2, key('lease'), key('tokens'), holder, Math.round(leaseMs)] as const;
        const [held, value] = (await redis.eval(leaseScript, ...given)) as [number, string];
        return held === 1 ? { held: true, token: Number(value) } : { held: false, by: value };
      }),
    release: (holder) =>
      asking(redis, async () => {
        await redis.eval(releaseScript, 1, key('lease'), holder);
      }),
    read: () => asking(redis, async () => new Map(Object.entries(await redis.hgetall(key('entries'))))),
    swap: (change) => asking(redis, () => swap(redis, keys, format, key, change)),
  };
}

async function swap(
  redis: Redis,
  keys: Keys,
  format: Format,
  key: (part: string) => string,
  { name, from, to, token, send }: Swap,
): Promise<SwapResult> {
  const queue = send?.queue ?? '';
  const messages = send?.messages ?? [];
  const lists = messages.map(({ priority }) => keys.queue(queue, priority));
  const texts = messages.map((message) =>
    encodeEnvelope(message, { queue, deliveryTag: randomUUID() }, format),
  );
  const names = [key('lease'), key('entries'), keys.binding(queue), ...lists];
  const binding = [queue, '', queue].join(separator);
  const given = [name, from ?? '', to ?? '', token ?? '', binding, ...texts];
  return (await redis.eval(swapScript, names.length, ...names, ...given)) as SwapResult;
}
