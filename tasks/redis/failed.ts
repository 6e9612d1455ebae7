/**
 * The messages of jobs that failed for good, kept by id so that somebody can send them again, such as a person on Headcount's
 * page of tasks. What is kept is the text as it came: a handler may change its arguments while it works, and whatever is read
 * and written anew by JavaScript loses large numbers and the difference of 1.0 and 1. Bounded by number, size and age.
 */
import type { Redis } from 'ioredis';
import type { FailedJob } from '../broker.ts';
import { asking, type Keys } from './connection.ts';

/** Long enough for a weekend, and short because arguments may tell of people. */
const keptMs = 7 * 86_400_000;
/** With the default of 1,000 jobs that is 64 MB at the very most. */
const longestText = 65_536;

/** What goes is a beginning of the index, which is in the order of time; a bounded part of it per call. */
const script = `
local failed, times = KEYS[1], KEYS[2]
local id, now, most, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('HSET', failed, id, ARGV[5])
redis.call('ZADD', times, now, id)
local old = redis.call('ZCOUNT', times, '-inf', now - kept)
local going = math.min(500, math.max(old, redis.call('ZCARD', times) - most))
if going > 0 then
  local ids = redis.call('ZRANGE', times, 0, going - 1)
  redis.call('ZREM', times, unpack(ids))
  redis.call('HDEL', failed, unpack(ids))
end
redis.call('PEXPIRE', failed, kept)
redis.call('PEXPIRE', times, kept)
return going`;

/** Answers whether it was kept: what is too long is not. */
export async function keepFailed(
  redis: Redis,
  keys: Keys,
  { id, queue, text, error }: FailedJob,
  most: number,
): Promise<boolean> {
  if (text === undefined || text.length > longestText) return false;
  const now = Date.now();
  const entry = JSON.stringify({ queue, error: error.slice(0, 1_000), at: now / 1000, message: text });
  await asking(redis, () =>
    redis.eval(script, 2, keys.failed, keys.failedTimes, id, now, most, keptMs, entry),
  );
  return true;
}
