/**
 * Looks at one Celery queue in Redis, as kombu's transport lays it out (kombu/transport/redis.py): a list per priority
 * step (`celery`, `celery\x06\x163`, ...), and the one hash `unacked` of all queues with the messages that workers hold.
 *
 * One script does it in one round trip and at one moment, so that no message is seen twice or missed while it
 * moves. It sends no large bodies: `unacked` can hold megabytes of arguments, and nothing is needed of them. All is
 * bounded: of a list it reads at most the ends, of a large `unacked` a sample. LLEN and HVALS in a MULTI were the
 * other way: as exact and cheaper for Redis (0.7 ms against 5 for 2,000 held), but nothing bounds what comes back.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { type BrokerMessage, type HeldMessage, parseHeld, parseMessage } from './celery-message.ts';

/** Where the queue is. */
export interface QueuePlace {
  readonly queue: string;
  /** kombu's `global_keyprefix`. */
  readonly keyPrefix: string;
  /** kombu's `sep`. */
  readonly separator: string;
  /** kombu's `priority_steps`. */
  readonly steps: readonly number[];
}

export interface Snapshot {
  /** One per priority step. */
  readonly lists: readonly ListSeen[];
  /** Messages in `unacked`, of all queues. */
  readonly heldTotal: number;
  /** How many of them were read. */
  readonly heldRead: number;
  readonly held: readonly HeldMessage[];
  /** Some of the messages that live workers of @headcount/tasks hold: those do not listen to remote control. */
  readonly leased: readonly HeldMessage[];
}

export interface ListSeen {
  readonly length: number;
  /** All of a short list, the two ends of a long one; the last is taken next. */
  readonly peeked: readonly BrokerMessage[];
}

export const limits = {
  /** Up to here every held message is read; 2,000 take a few milliseconds. */
  heldReadMaximum: 2_000,
  /** Above it so many are, picked by the hash of their tag. */
  heldSampleCount: 500,
  /** Per list: a list that is longer is read 50 from each end. */
  peekedMaximum: 100,
  /** Up to here a message is sent as it is, */
  smallBytes: 2_048,
  /** up to here without its body, and of a larger one only what is needed. */
  largeBytes: 16_384,
  leasedMaximum: 50,
} as const;

// A quote inside a JSON string has a backslash (byte 92) before it, so `"eta":` can only be a key. Redis serves nobody
// meanwhile: an ordinary message goes as it is, 2.5 µs, a larger one loses its body by plain searches, 7 µs; patterns and
// cjson cost more and are for the few that are still too large. Protocol 1 has no "task" behind its body and keeps it.
const script = String.raw`
local heldMaximum, sample, peek = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local small, large = tonumber(ARGV[4]), tonumber(ARGV[5])
local function field(text, name)
  local value = text:match('"' .. name .. '": ?"([^"\\]*)"')
  return '"' .. name .. '":' .. (value and '"' .. value .. '"' or 'null')
end
local function withoutBody(text)
  local _, opens = text:find('"body": "', 1, true)
  if not opens then _, opens = text:find('"body":"', 1, true) end
  local closes = opens and text:find('"', opens + 1, true)
  if not closes or text:byte(closes - 1) == 92 or not text:find('"task"', closes, true) then return text end
  return text:sub(1, opens) .. text:sub(closes)
end
local function trimmed(text)
  if #text > small then text = withoutBody(text) end
  if #text <= large then return text end
  local tail = text:match('^%[.*}(, ?"[^"\\]*", ?"[^"\\]*"%])$')
  local published = text:match('"published_at": ?([%d.]+)') or 'null'
  local short = '{"headers":{"task":"",' .. field(text, 'id') .. ',' .. field(text, 'eta') .. ',"published_at":' .. published .. '}}'
  return tail and '[' .. short .. tail or short
end
local function all(texts)
  for i, text in ipairs(texts) do texts[i] = trimmed(text) end
  return texts
end
local lists = {}
for i = 3, #KEYS do
  local length = redis.call('LLEN', KEYS[i])
  local texts
  if length <= peek then
    texts = redis.call('LRANGE', KEYS[i], 0, -1)
  else
    texts = redis.call('LRANGE', KEYS[i], 0, peek / 2 - 1)
    for _, text in ipairs(redis.call('LRANGE', KEYS[i], -peek / 2, -1)) do texts[#texts + 1] = text end
  end
  lists[i - 2] = {length, all(texts)}
end
local leased = {}
for _, tag in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[6], '+inf', 'LIMIT', 0, ARGV[7])) do
  local text = redis.call('HGET', KEYS[1], tag)
  if text then leased[#leased + 1] = trimmed(text) end
end
local held = redis.call('HLEN', KEYS[1])
if held <= heldMaximum then return {lists, held, all(redis.call('HVALS', KEYS[1])), leased} end
local values = {}
for i, text in ipairs(redis.call('HSCAN', KEYS[1], 0, 'COUNT', sample)[2]) do
  if i % 2 == 0 then values[#values + 1] = trimmed(text) end
end
return {lists, held, values, leased}
`;

/** Puts the look into a pipeline; its reply goes to `parseSnapshot`. */
export function addSnapshot(
  pipeline: ChainableCommander,
  place: QueuePlace,
  nowMs: number,
): ChainableCommander {
  const keys = [`${place.keyPrefix}unacked`, `${place.keyPrefix}headcount.leases`, ...listKeys(place)];
  const { heldReadMaximum, heldSampleCount, peekedMaximum, smallBytes, largeBytes, leasedMaximum } = limits;
  const args = [
    heldReadMaximum,
    heldSampleCount,
    peekedMaximum,
    smallBytes,
    largeBytes,
    nowMs,
    leasedMaximum,
  ];
  return pipeline.eval(script, keys.length, ...keys, ...args);
}

function listKeys({ queue, keyPrefix, separator, steps }: QueuePlace): string[] {
  return steps.map((step) => `${keyPrefix}${queue}${step === 0 ? '' : `${separator}${step}`}`);
}

export function parseSnapshot(reply: unknown): Snapshot {
  const [lists, heldTotal, held, leased] = reply as [[number, string[]][], number, string[], string[]];
  return {
    lists: lists.map(([length, texts]) => ({ length, peeked: texts.map(parseMessage) })),
    heldTotal,
    heldRead: held.length,
    held: parseAll(held),
    leased: parseAll(leased),
  };
}

function parseAll(texts: readonly string[]): HeldMessage[] {
  return texts.map(parseHeld).filter((message) => message !== undefined);
}

/** Whether a message sent so ends in the queue. */
export type LeadsHere = (exchange: string, routingKey: string) => boolean;

const exchangeCountMaximum = 50;

/** Reads the bindings of these exchanges (`_kombu.binding.<exchange>`); the default exchange needs none. */
export async function readBindings(
  redis: Redis,
  place: QueuePlace,
  exchanges: readonly string[],
): Promise<LeadsHere> {
  const named = [...new Set(exchanges)].filter((exchange) => exchange !== '').slice(0, exchangeCountMaximum);
  const keys = named.map((exchange) => `${place.keyPrefix}_kombu.binding.${exchange}`);
  const members = await Promise.all(keys.map((key) => redis.smembers(key)));
  const patterns = new Map(
    named.map((exchange, index) => [exchange, bindingsTo(place, members[index] ?? [])]),
  );
  return (exchange, routingKey) => {
    const bound = patterns.get(exchange) ?? [];
    // Without a binding (evicted, or the default exchange) the routing key is the queue's name, as kombu restores it.
    return bound.length === 0 ? routingKey === place.queue : bound.some((matches) => matches(routingKey));
  };
}

/** Members are `routing key SEP pattern SEP queue`; only topic exchanges have a pattern. */
function bindingsTo(
  { queue, separator }: QueuePlace,
  members: readonly string[],
): ((key: string) => boolean)[] {
  return members
    .map((member) => member.split(separator))
    .filter(([, , boundQueue]) => boundQueue === queue)
    .map(([bound = '', pattern]) => (pattern ? topicMatcher(bound) : (key: string) => key === bound));
}

/** `*` stands for one word, `#` for any number of them. */
function topicMatcher(bound: string): (key: string) => boolean {
  const words = bound.split('.').map((word) => {
    if (word === '*') return '[^.]+';
    return word === '#' ? '.*' : word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  const shape = new RegExp(`^${words.join('\\.')}$`);
  return (key) => shape.test(key);
}
