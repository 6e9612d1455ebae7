/** A connection to Redis that comes back by itself, and the names of kombu's keys. */
import type { Redis, RedisOptions } from 'ioredis';
import { packageMissing, TasksError, textOf } from '../errors.ts';
import type { RedisSettings } from '../open.ts';

/** kombu's defaults of `priority_steps` and `sep`. */
export const prioritySteps: readonly number[] = [0, 3, 6, 9];
export const separator = '\x06\x16';

const connectTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;
const longestReconnectMs = 5_000;

/**
 * @param resend whether a command whose answer was lost is sent again: right for what may happen twice, wrong for a take
 */
export async function openRedis(url: string, resend: boolean): Promise<Redis> {
  const Client = await constructorOfRedis();
  const options: RedisOptions = {
    // Celery's spelling for servers with a certificate of their own, as on Heroku.
    ...(/[?&]ssl_cert_reqs=(cert_)?none/i.test(url) ? { tls: { rejectUnauthorized: false } } : {}),
    protocol: 2,
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 2,
    autoResendUnfulfilledCommands: resend,
    retryStrategy: (times) => Math.min(longestReconnectMs, 50 * 2 ** times),
  };
  const redis = new Client(url, options);
  // Every failed command rejects; this event would only say it a second time, and end the process without a listener.
  redis.on('error', (error) => lastErrors.set(redis, error));
  return redis;
}

/** Why a connection was lost; a command that waited for it only says that it gave up. */
const lastErrors = new WeakMap<Redis, Error>();

/** Runs a command and turns its failure into an error that says what to do. */
export async function asking<T>(redis: Redis, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TasksError || error instanceof TypeError) throw error;
    const { host = '127.0.0.1', port = 6379 } = redis.options;
    throw new TasksError(
      'BROKER_UNREACHABLE',
      `Redis at ${host}:${port} did not do it`,
      textOf(redis.status === 'ready' ? error : (lastErrors.get(redis) ?? error)),
      'Check that it runs, and the password and number of the database in the address',
      { cause: error },
    );
  }
}

export interface Keys {
  readonly unacked: string;
  readonly index: string;
  /** Ours: tag to the time until which its worker lives for sure. */
  readonly leases: string;
  /** Ours: tag to the time at which a held message is due. */
  readonly later: string;
  /** Ours: messages set aside, newest first. */
  readonly aside: string;
  binding(exchange: string): string;
  /** The channel of a fanout exchange. */
  topic(database: number, exchange: string): string;
  /** The list of a queue for a priority. */
  queue(name: string, priority: number): string;
}

export function keysOf({ keyPrefix = '' }: RedisSettings): Keys {
  return {
    unacked: `${keyPrefix}unacked`,
    index: `${keyPrefix}unacked_index`,
    leases: `${keyPrefix}headcount.leases`,
    later: `${keyPrefix}headcount.later`,
    aside: `${keyPrefix}headcount.set_aside`,
    binding: (exchange) => `${keyPrefix}_kombu.binding.${exchange}`,
    topic: (database, exchange) => `${keyPrefix}/${database}.${exchange}`,
    queue: (name, priority) => {
      const step = prioritySteps.findLast((least) => least <= priority) ?? 0;
      return keyPrefix + (step === 0 ? name : name + separator + step);
    },
  };
}

async function constructorOfRedis(): Promise<new (url: string, options: RedisOptions) => Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (error) {
    throw packageMissing('ioredis', 'A redis: broker or result store', error);
  }
}
