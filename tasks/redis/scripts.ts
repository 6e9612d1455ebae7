/**
 * The steps that must be atomic, as Lua. kombu takes with BRPOP and writes to `unacked` afterwards: what a worker had in
 * between when it was killed is lost. Here a message is at every moment in a list or in `unacked`, never in neither.
 *
 * A message is never written anew by Lua: cjson would turn its empty lists into objects. Lua only reads the tag.
 */
import type { Redis } from 'ioredis';
import type { Keys } from './connection.ts';

export interface Scripts {
  /** Answers with triples: tag, queue, text; an empty tag for what was set aside as it is not JSON. */
  take(
    queues: readonly { readonly key: string; readonly name: string }[],
    limit: number,
    nowMs: number,
    leaseMs: number,
    mark: string,
  ): Promise<string[]>;
  /** Answers with the number of steps whose message was still lent out. */
  settle(steps: readonly Step[]): Promise<number>;
  /** Back into its list, unless it was renewed or settled meanwhile. */
  restore(tag: string, list: string, text: string, nowMs: number, visibilityMs: number): Promise<number>;
  /** Until when the worker lives for sure that has these; what is gone stays so. */
  renew(tags: readonly string[], nowMs: number, leaseMs: number): Promise<void>;
  /** The same without a list: it stays in `unacked`, lent to who asks. */
  adopt(tag: string, nowMs: number, visibilityMs: number, leaseMs: number): Promise<number>;
}

/** What becomes of a lent message; `list` is a key. */
export type Step =
  | { readonly act: 'done'; readonly tag: string }
  /** To the end of the list that is taken next. */
  | { readonly act: 'head'; readonly tag: string; readonly list: string; readonly text: string }
  | { readonly act: 'tail'; readonly tag: string; readonly list: string; readonly text: string }
  /** Stays in `unacked` until it is due; `indexSeconds` makes kombu's own sweep bring it back then. */
  | { readonly act: 'hold'; readonly tag: string; readonly dueMs: number; readonly indexSeconds: number }
  | { readonly act: 'aside'; readonly tag: string; readonly text: string };

/** Older ones are dropped then. */
export const mostSetAside = 10_000;

/** One take brings at most so many: Lua hands only some thousands of values to one command. */
export const mostTaken = 1_000;

/**
 * The tag is searched for and not parsed: a quote within a JSON text has a backslash before it, so what is found is a member
 * of that name, and any text that is unique will do. Only what does not look like a message is parsed, to set it aside.
 */
const takeScript = `
local unacked, index, leases, later, aside = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit, now, lease, mark = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local found, count, tags, queues, texts = {}, 0, {}, {}, {}
for i = 6, #KEYS do
  if count >= limit then break end
  local some = redis.call('LRANGE', KEYS[i], count - limit, -1)
  if #some > 0 then redis.call('LTRIM', KEYS[i], 0, -1 - #some) end
  for n = #some, 1, -1 do
    count = count + 1
    local text, queue = some[n], ARGV[i - 1]
    local tag
    if string.byte(text, 1) == 123 and string.byte(text, -1) == 125 then
      local _, at = string.find(text, '"delivery_tag":', -90, true)
      if not at then _, at = string.find(text, '"delivery_tag":', 1, true) end
      if at then tag = string.match(text, '^%s*"([^"\\\\]+)"', at + 1) end
    end
    if not tag then
      local ok, message = pcall(cjson.decode, text)
      if ok and type(message) == 'table' then tag = mark .. ':' .. count end
    end
    if tag then
      tags[#tags + 1], queues[#queues + 1], texts[#texts + 1] = tag, queue, text
    else
      local kept = {queue = queue, error = 'ENVELOPE_NOT_JSON', at = tonumber(now), message = text}
      redis.call('LPUSH', aside, cjson.encode(kept))
      redis.call('LTRIM', aside, 0, ${mostSetAside - 1})
      local at = #found
      found[at + 1], found[at + 2], found[at + 3] = '', queue, text
    end
  end
end
if #tags == 0 then return found end
local known, seen = redis.call('HMGET', unacked, unpack(tags)), {}
local entries, received, lent, quoted = {}, {}, {}, {}
for n, tag in ipairs(tags) do
  if known[n] or seen[tag] then tag = mark .. '=' .. n; tags[n] = tag end
  seen[tag] = true
  local queue = queues[n]
  if not quoted[queue] then quoted[queue] = ', "", ' .. cjson.encode(queue) .. ']' end
  entries[2 * n - 1], entries[2 * n] = tag, '[' .. texts[n] .. quoted[queue]
  received[2 * n - 1], received[2 * n] = now, tag
  lent[2 * n - 1], lent[2 * n] = lease, tag
  local at = #found
  found[at + 1], found[at + 2], found[at + 3] = tag, queue, texts[n]
end
redis.call('HSET', unacked, unpack(entries))
redis.call('ZADD', index, unpack(received))
redis.call('ZADD', leases, unpack(lent))
if redis.call('EXISTS', later) == 1 then redis.call('ZREM', later, unpack(tags)) end
return found`;

/** First the number of those that are done and their tags, then the other steps by four. */
const settleScript = `
local unacked, index, leases, later, aside = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local settled, done = 0, tonumber(ARGV[1])
for from = 2, done + 1, 1000 do
  local to = math.min(from + 999, done + 1)
  redis.call('ZREM', leases, unpack(ARGV, from, to))
  redis.call('ZREM', index, unpack(ARGV, from, to))
  settled = settled + redis.call('HDEL', unacked, unpack(ARGV, from, to))
end
for i = done + 2, #ARGV, 4 do
  local act, tag, list, text = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  redis.call('ZREM', leases, tag)
  if act == 'hold' then
    if redis.call('HEXISTS', unacked, tag) == 1 then
      settled = settled + 1
      redis.call('ZADD', later, list, tag)
      redis.call('ZADD', index, text, tag)
    end
  else
    redis.call('ZREM', index, tag)
    if redis.call('HDEL', unacked, tag) == 1 then
      settled = settled + 1
      if act == 'head' then redis.call('RPUSH', list, text) end
      if act == 'tail' then redis.call('LPUSH', list, text) end
      if act == 'aside' then
        redis.call('LPUSH', aside, text)
        redis.call('LTRIM', aside, 0, ${mostSetAside - 1})
      end
    end
  end
end
return settled`;

const restoreScript = `
local unacked, index, leases, later = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local tag, text, now, visibility = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local due, lease = redis.call('ZSCORE', later, tag), redis.call('ZSCORE', leases, tag)
local seen = redis.call('ZSCORE', index, tag)
local seenMs = seen and tonumber(seen) * 1000 or 0
local over
if lease then over = tonumber(lease) <= now
-- A Python worker that took it meanwhile wrote the time of its receipt to the index.
elseif due and tonumber(due) <= now and seenMs <= due - visibility + 1 then over = true
else over = seenMs <= now - visibility end
if not over then return 0 end
if ARGV[5] then
  redis.call('ZREM', later, tag)
  if redis.call('HEXISTS', unacked, tag) == 0 then return 0 end
  redis.call('ZADD', index, now / 1000, tag)
  redis.call('ZADD', leases, ARGV[5], tag)
  return 1
end
redis.call('ZREM', index, tag)
redis.call('ZREM', leases, tag)
redis.call('ZREM', later, tag)
if redis.call('HDEL', unacked, tag) == 0 then return 0 end
redis.call('RPUSH', KEYS[5], text)
return 1`;

/**
 * A Redis that is full refuses what may need memory, unless something was taken away before in the same script: a lease must not
 * end for that, or the job is started twice.
 */
const renewScript = `
local leases, index = KEYS[1], KEYS[2]
for i = 3, #ARGV do
  if redis.call('ZREM', leases, ARGV[i]) == 1 then
    redis.call('ZADD', leases, ARGV[1], ARGV[i])
    redis.call('ZADD', index, 'XX', ARGV[2], ARGV[i])
  end
end`;

type Command = (...args: (string | number)[]) => Promise<unknown>;

export function scriptsOf(redis: Redis, keys: Keys): Scripts {
  redis.defineCommand('headcountTake', { lua: takeScript });
  redis.defineCommand('headcountSettle', { lua: settleScript, numberOfKeys: 5 });
  redis.defineCommand('headcountRestore', { lua: restoreScript, numberOfKeys: 5 });
  redis.defineCommand('headcountRenew', { lua: renewScript, numberOfKeys: 2 });
  const { headcountTake, headcountSettle, headcountRestore, headcountRenew } = redis as unknown as Record<
    'headcountTake' | 'headcountSettle' | 'headcountRestore' | 'headcountRenew',
    Command
  >;
  const fixed = [keys.unacked, keys.index, keys.leases];
  return {
    take: async (queues, limit, nowMs, leaseMs, mark) =>
      (await headcountTake.call(
        redis,
        5 + queues.length,
        ...fixed,
        keys.later,
        keys.aside,
        ...queues.map((queue) => queue.key),
        Math.min(mostTaken, limit),
        nowMs / 1000,
        nowMs + leaseMs,
        mark,
        ...queues.map((queue) => queue.name),
      )) as string[],
    settle: async (steps) =>
      (await headcountSettle.apply(redis, [
        ...fixed,
        keys.later,
        keys.aside,
        ...settleArguments(steps),
      ])) as number,
    renew: async (tags, nowMs, leaseMs) => {
      await headcountRenew.call(redis, keys.leases, keys.index, nowMs + leaseMs, nowMs / 1000, ...tags);
    },
    restore: async (tag, list, text, nowMs, visibilityMs) =>
      (await headcountRestore.call(
        redis,
        ...fixed,
        keys.later,
        list,
        tag,
        text,
        nowMs,
        visibilityMs,
      )) as number,
    adopt: async (tag, nowMs, visibilityMs, leaseMs) =>
      (await headcountRestore.call(
        redis,
        ...fixed,
        keys.later,
        keys.aside,
        tag,
        '',
        nowMs,
        visibilityMs,
        nowMs + leaseMs,
      )) as number,
  };
}

function settleArguments(steps: readonly Step[]): (string | number)[] {
  const done: (string | number)[] = [0];
  const others: (string | number)[] = [];
  for (const step of steps) {
    if (step.act === 'done') done.push(step.tag);
    else if (step.act === 'hold') others.push(step.act, step.tag, step.dueMs, step.indexSeconds);
    else if (step.act === 'aside') others.push(step.act, step.tag, '', step.text);
    else others.push(step.act, step.tag, step.list, step.text);
  }
  done[0] = done.length - 1;
  return [...done, ...others];
}
