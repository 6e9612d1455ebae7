/** From an address to a broker or a result store. Each is loaded only when it is asked for. */
import type { Broker } from './broker.ts';
import { TasksError } from './errors.ts';
import type { FormatOptions } from './format.ts';
import type { RabbitSettings } from './rabbitmq/link.ts';
import type { Results } from './results.ts';

export interface RedisSettings {
  /** As in Celery's broker_transport_options; the shortest of all apps on a database counts. Default 3,600. */
  readonly visibilityTimeoutSeconds?: number;
  /** After so long without a sign of life a worker of ours is dead, and its jobs come back. Default 60. */
  readonly leaseSeconds?: number;
  /** Celery's `global_keyprefix`: put before every key. */
  readonly keyPrefix?: string;
}

export type Address =
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'redis'; readonly url: string }
  | { readonly kind: 'rabbitmq'; readonly url: string };

/** @throws TasksError BROKER_URL_INVALID for anything but the three forms */
export function parseAddress(text: string): Address {
  const sqlite = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(text);
  if (sqlite?.[1] && sqlite[1] !== ':memory:' && !sqlite[1].startsWith('//'))
    return { kind: 'sqlite', path: sqlite[1] };
  if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return { kind: 'redis', url: text };
  // Celery's name of its client for the same protocol.
  const amqp = text.replace(/^pyamqp:/, 'amqp:');
  if (/^amqps?:\/\//.test(amqp) && URL.canParse(amqp)) return { kind: 'rabbitmq', url: amqp };
  throw new TasksError(
    'BROKER_URL_INVALID',
    `"${withoutPassword(text)}" is no address of a broker`,
    'it is not of the form sqlite:<file>, redis://<host>:<port>/<db> or amqp://<user>:<password>@<host>/<vhost>',
    'Write for example sqlite:./broker.db or redis://127.0.0.1:6379/0',
  );
}

export async function openBroker(
  address: Address,
  redis: RedisSettings,
  rabbitmq: RabbitSettings,
  format: FormatOptions,
): Promise<Broker> {
  if (address.kind === 'sqlite') return (await import('./brokers/sqlite.ts')).openSqliteBroker(address.path);
  if (address.kind === 'rabbitmq')
    return (await import('./brokers/rabbitmq.ts')).openRabbitBroker(address.url, rabbitmq, format);
  return (await import('./brokers/redis.ts')).openRedisBroker(address.url, redis, format);
}

/** An address at which results can be kept: RabbitMQ hands messages on and keeps nothing. */
export type ResultsAddress = Exclude<Address, { kind: 'rabbitmq' }>;

/** @throws TasksError BROKER_URL_INVALID for a broker that cannot keep results */
export function parseResultsAddress(text: string): ResultsAddress {
  const address = parseAddress(text);
  if (address.kind !== 'rabbitmq') return address;
  throw new TasksError(
    'BROKER_URL_INVALID',
    `Results cannot be kept at "${withoutPassword(text)}"`,
    'RabbitMQ keeps no results that can be read twice',
    'Give results: redis://… or sqlite:…, or leave it out to keep none',
  );
}

export async function openResults(address: ResultsAddress, redis: RedisSettings): Promise<Results> {
  if (address.kind === 'sqlite') return (await import('./results/sqlite.ts')).openSqliteResults(address.path);
  return (await import('./results/redis.ts')).openRedisResults(address.url, redis);
}

export function withoutPassword(text: string): string {
  return text.replace(/\/\/[^@/]*@/, '//***@');
}
