/**
 * Brings back what nobody works on any more: held messages that are due, messages of our workers whose lease ran out,
 * and messages of Python workers older than the visibility timeout. kombu's own sweep acts on every tenth call of a timer
 * of ten seconds; this one runs every second or so in every worker, and each step is atomic, so they may overlap.
 */
import type { Redis } from 'ioredis';
import { mostDeliveries } from '../broker.ts';
import { type Keys, separator } from './connection.ts';
import type { Scripts } from './scripts.ts';
import { isHeldEta, parseHeld, redeliveredText, writeMessage } from './text.ts';

export interface Sweep {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly scripts: Scripts;
  readonly visibilityMs: number;
  readonly leaseMs: number;
  /** Lent to this consumer from now: a message that ended too many workers. */
  adopted(tag: string, queue: string, text: string): void;
  note(text: string): void;
}

const sweptAtATime = 100;

export async function sweep(state: Sweep, nowMs: number): Promise<void> {
  const { redis, keys, visibilityMs } = state;
  const limit = ['LIMIT', 0, sweptAtATime] as const;
  const [due, lost, old] = await Promise.all([
    redis.zrangebyscore(keys.later, '-inf', nowMs, ...limit),
    redis.zrangebyscore(keys.leases, '-inf', nowMs, ...limit),
    redis.zrangebyscore(keys.index, '-inf', (nowMs - visibilityMs) / 1000, ...limit),
  ]);
  const tags = [...new Set([...due, ...lost, ...old])];
  if (tags.length === 0) return;
  const texts = await redis.hmget(keys.unacked, ...tags);
  const dueTags = new Set(due);
  let back = 0;
  for (const [i, tag] of tags.entries())
    back += (await restore(state, tag, texts[i] ?? null, dueTags.has(tag), nowMs)) ? 1 : 0;
  if (back > 0) state.note(`brought back ${back} jobs of a worker that died or was silent for too long`);
}

/** True for a message that was lost, false for one that was due or is gone. */
async function restore(
  state: Sweep,
  tag: string,
  stored: string | null,
  due: boolean,
  nowMs: number,
): Promise<boolean> {
  const { redis, keys, scripts, visibilityMs } = state;
  if (stored === null) {
    await redis.multi().zrem(keys.later, tag).zrem(keys.leases, tag).zrem(keys.index, tag).exec();
    return false;
  }
  const held = parseHeld(stored);
  if (!held) {
    await aside(state, tag, { message: stored, error: 'an entry of unacked that cannot be read' }, nowMs);
    return false;
  }
  const queue = await queueOf(state, held.exchange, held.routingKey);
  const asItWas = due || isHeldEta(held.message, nowMs);
  const { text, deliveries } = asItWas
    ? { text: writeMessage(held.message), deliveries: 0 }
    : redeliveredText(held.message, 1);
  if (deliveries >= mostDeliveries) {
    if ((await scripts.adopt(tag, nowMs, visibilityMs, state.leaseMs)) === 1) state.adopted(tag, queue, text);
    return false;
  }
  const list = keys.queue(queue, held.priority);
  return (await scripts.restore(tag, list, text, nowMs, visibilityMs)) === 1 && !asItWas;
}

async function aside(state: Sweep, tag: string, entry: object, nowMs: number): Promise<void> {
  const text = JSON.stringify({ ...entry, at: nowMs / 1000 });
  if ((await state.scripts.settle([{ act: 'aside', tag, text }])) > 0)
    state.note(`set a message aside: ${text}`);
}

/**
 * Where a message of a named exchange goes: the queue bound with its routing key, as kombu's direct exchange does, or with a
 * pattern for it. Of several queues it came from one, which kombu does not write down either.
 */
async function queueOf({ redis, keys }: Sweep, exchange: string, routingKey: string): Promise<string> {
  if (exchange === '') return routingKey;
  const bindings = await redis.smembers(keys.binding(exchange));
  const keyed = bindings.map((binding) => binding.split(separator));
  const bound =
    keyed.find(([key]) => key === routingKey) ??
    keyed.find(([key = '']) => fits(key.split('.'), routingKey.split('.')));
  return bound?.[2] ?? routingKey;
}

/** As a topic exchange compares: `*` is one word, `#` any number of them. */
function fits(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') return fits(rest, words) || (words.length > 0 && fits(pattern, words.slice(1)));
  return (first === '*' || first === words[0]) && words.length > 0 && fits(rest, words.slice(1));
}
