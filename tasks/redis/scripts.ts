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

const takeScript = `
local unacked, index, leases, later, aside = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local limit, now, lease, mark = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local found, count = {}, 0
for i = 6, #KEYS do
  local queue = ARGV[i - 1]
  while count < limit do
    local text = redis.call('RPOP', KEYS[i])
    if not text then break end
    count = count + 1
    local ok, message = pcall(cjson.decode, text)
    local tag = ''
    if ok and type(message) == 'table' then
      local properties = message.properties
      tag = type(properties) == 'table' and properties.delivery_tag or ''
      if type(tag) ~= 'string' or tag == '' or redis.call('HEXISTS', unacked, tag) == 1 then
        tag = mark .. ':' .. count
      end
      redis.call('HSET', unacked, tag, '[' .. text .. ', "", ' .. cjson.encode(queue) .. ']')
      redis.call('ZADD', index, now, tag)
      redis.call('ZADD', leases, lease, tag)
      redis.call('ZREM', later, tag)
    else
      local kept = {queue = queue, error = 'ENVELOPE_NOT_JSON', at = tonumber(now), message = text}
      redis.call('LPUSH', aside, cjson.encode(kept))
      redis.call('LTRIM', aside, 0, ${mostSetAside - 1})
    end
    found[#found + 1] = tag
    found[#found + 1] = queue
    found[#found + 1] = text
  end
end
return found`;

const settleScript = `
local unacked, index, leases, later, aside = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local settled = 0
for i = 1, #ARGV, 4 do
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
redis.call('ZREM', index, tag)
redis.call('ZREM', leases, tag)
redis.call('ZREM', later, tag)
if redis.call('HDEL', unacked, tag) == 0 then return 0 end
redis.call('RPUSH', KEYS[5], text)
return 1`;

type Command = (...args: (string | number)[]) => Promise<unknown>;

export function scriptsOf(redis: Redis, keys: Keys): Scripts {
  redis.defineCommand('headcountTake', { lua: takeScript });
  redis.defineCommand('headcountSettle', { lua: settleScript, numberOfKeys: 5 });
  redis.defineCommand('headcountRestore', { lua: restoreScript, numberOfKeys: 5 });
  const { headcountTake, headcountSettle, headcountRestore } = redis as unknown as Record<
    'headcountTake' | 'headcountSettle' | 'headcountRestore',
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
        limit,
        nowMs / 1000,
        nowMs + leaseMs,
        mark,
        ...queues.map((queue) => queue.name),
      )) as string[],
    settle: async (steps) =>
      (await headcountSettle.call(
        redis,
        ...fixed,
        keys.later,
        keys.aside,
        ...steps.flatMap(argumentsOf),
      )) as number,
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
  };
}

function argumentsOf(step: Step): (string | number)[] {
  switch (step.act) {
    case 'done':
      return [step.act, step.tag, '', ''];
    case 'hold':
      return [step.act, step.tag, step.dueMs, step.indexSeconds];
    case 'aside':
      return [step.act, step.tag, '', step.text];
    default:
      return [step.act, step.tag, step.list, step.text];
  }
}
