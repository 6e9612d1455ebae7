/**
 * A connection to Redis that comes back by itself, and the names of kombu's keys. An address is one server, the sentinels
 * of one (`sentinel://a;sentinel://b/0`, with its `masterName`, as kombu writes them; `rediss+sentinel://` for TLS to the
 * server), or nodes of a cluster
 * (`redis+cluster://a;redis+cluster://b`). Everything behind this file sees a plain connection to one server.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis, RedisOptions } from 'ioredis';
import { packageMissing, TasksError, textOf } from '../errors.ts';
import { addressesIn, type RedisSettings } from '../open.ts';
import { tlsOf as tlsOfAddress } from '../tls.ts';
import { clusterOptions, hashTagged, type Library } from './cluster.ts';

/** kombu's defaults of `priority_steps` and `sep`. */
export const prioritySteps: readonly number[] = [0, 3, 6, 9];
export const separator = '\x06\x16';

const connectTimeoutMs = 5_000;
const commandTimeoutMs = 10_000;
const longestReconnectMs = 5_000;
const movedPatienceMs = 8_000;
const sentinelPort = 26_379;

/**
 * @param resend whether a command whose answer was lost is sent again: right for what may happen twice, wrong for a take
 */
export async function openRedis(url: string, resend: boolean, settings: RedisSettings = {}): Promise<Redis> {
  const library = await ioredis();
  const options: RedisOptions = {
    protocol: 2,
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 2,
    autoResendUnfulfilledCommands: resend,
    retryStrategy: (times) => Math.min(longestReconnectMs, 50 * 2 ** times),
    // The server is not the one to write to any more: the next connection finds who is.
    reconnectOnError: isMoved,
  };
  const redis = isSentinel(url)
    ? new library.Redis({ ...options, ...sentinelOptions(url, settings) })
    : isCluster(url)
      ? new library.Redis({
          ...options,
          ...clusterOptions(library, url, keyPrefixOf(url, settings), tlsOf(url)),
        })
      : new library.Redis(url, { ...options, ...tlsOptions(url) });
  // Every failed command rejects; this event would only say it a second time, and end the process without a listener.
  redis.on('error', (error) => {
    lastErrors.set(redis, error);
    // The library would go on in database 0, which may be another program's.
    if (isSelect(error)) redis.disconnect(true);
  });
  if (!resend) redis.on('close', () => rejectDropped(redis));
  return redis;
}

function isSelect(error: Error): boolean {
  return (error as { readonly command?: { readonly name?: unknown } }).command?.name === 'select';
}

interface Dropped {
  readonly prevCommandQueue?: {
    toArray(): readonly { readonly command: { reject(error: Error): void } }[];
  } | null;
}

/** The library drops what it may not send again without a word: who waits for it would wait for the whole time limit. */
function rejectDropped(redis: Redis): void {
  const { prevCommandQueue } = redis as unknown as Dropped;
  for (const { command } of prevCommandQueue?.toArray() ?? [])
    command.reject(new RangeError('the connection was lost before the answer came'));
}

/** Why a connection was lost; a command that waited for it only says that it gave up. */
const lastErrors = new WeakMap<Redis, Error>();

/**
 * Runs one command or transaction, and turns its failure into an error that says what to do. One that was refused because
 * another server is to be written to now has done nothing, so it is repeated for some seconds.
 */
export async function asking<T>(redis: Redis, work: () => Promise<T>): Promise<T> {
  const end = Date.now() + movedPatienceMs;
  for (let pauseMs = 50; ; pauseMs = Math.min(1_000, 2 * pauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isRefused(reasonOf(error)) || Date.now() + pauseMs > end)
        throw asTasksError(redis, reasonOf(error));
      await pause(pauseMs);
    }
  }
}

/** Of a transaction that was thrown away the command that was refused: the transaction itself only says that one was. */
function reasonOf(error: unknown): unknown {
  const { previousErrors } = (error ?? {}) as { previousErrors?: readonly unknown[] };
  return previousErrors?.[0] ?? error;
}

/** Answers of a server that has become a replica, or gave its slots away; Redis 6 wraps those of a script. */
function isMoved(error: unknown): boolean {
  return /(^|-)(MOVED|READONLY|CLUSTERDOWN)\b/.test(textOf(error));
}

/** Also while a slot is on its way, a server loads, or workers may soon have made room. */
function isRefused(error: unknown): boolean {
  return isMoved(error) || /^(EXECABORT|ASK|TRYAGAIN|MASTERDOWN|LOADING|OOM)\b/.test(textOf(error));
}

function todoOf(why: string): string {
  if (/^OOM\b/.test(why)) return 'Give it more memory (maxmemory), or start workers that empty its queues';
  if (/^NOPERM\b/.test(why))
    return 'Give its user the right (ACL SETUSER): workers need all commands on the keys, scripts and channels';
  return 'Check that it runs, and the password and number of the database in the address';
}

function asTasksError(redis: Redis, error: unknown): unknown {
  if (error instanceof TasksError || error instanceof TypeError) return error;
  const { host = '127.0.0.1', port = 6379, sentinels } = redis.options;
  const place = sentinels?.map((one) => `${one.host}:${one.port}`).join(', ') ?? `${host}:${port}`;
  const why = textOf(redis.status === 'ready' ? error : (lastErrors.get(redis) ?? error)).replace(/\.$/, '');
  return new TasksError(
    'BROKER_UNREACHABLE',
    `Redis ${sentinels ? 'behind the sentinels ' : ''}at ${place} did not do it`,
    why,
    todoOf(why),
    { cause: error },
  );
}

export interface Keys {
  readonly unacked: string;
  readonly index: string;
  /** Ours: tag to the time until which its worker lives for sure. */
  readonly leases: string;
  /** Ours: tag to the time at which a held message is due. */
  readonly later: string;
  /** Ours: the worker that tells what is held, for some seconds. */
  readonly teller: string;
  /** Ours: messages set aside, newest first. */
  readonly aside: string;
  /** Ours: the messages of jobs that failed for good, by their ids, and when each did. */
  readonly failed: string;
  readonly failedTimes: string;
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
    teller: `${keyPrefix}headcount.teller`,
    aside: `${keyPrefix}headcount.set_aside`,
    failed: `${keyPrefix}headcount.failed`,
    failedTimes: `${keyPrefix}headcount.failed_times`,
    binding: (exchange) => `${keyPrefix}_kombu.binding.${exchange}`,
    topic: (database, exchange) => `${keyPrefix}/${database}.${exchange}`,
    queue: (name, priority) => {
      const step = prioritySteps.findLast((least) => least <= priority) ?? 0;
      return keyPrefix + (step === 0 ? name : name + separator + step);
    },
  };
}

/** What stands before every key: on a cluster a hash tag, which holds all keys of an app together on one node. */
export function keyPrefixOf(url: string, { keyPrefix = '' }: RedisSettings): string {
  return isCluster(url) ? hashTagged(keyPrefix) : keyPrefix;
}

function isSentinel(url: string): boolean {
  return /^(rediss\+)?sentinel:/.test(url);
}

function isCluster(url: string): boolean {
  return /^rediss?\+cluster:/.test(url);
}

/** As kombu reads them: user, password and database are the server's and stand in any of the addresses. */
function sentinelOptions(url: string, settings: RedisSettings): RedisOptions {
  const { masterName, sentinelUsername, sentinelPassword, sentinelTls = false } = settings;
  if (masterName === undefined)
    throw new TasksError(
      'OPTION_INVALID',
      'redis.masterName is missing',
      'the sentinels must be told which server they are asked for',
      "Give redis: { masterName: 'mymaster' }, as Celery's broker_transport_options has it",
    );
  const parts = addressesIn(url).map((part) => new URL(part));
  const { username, password } = parts.find((part) => part.password !== '') ?? { username: '', password: '' };
  const tls = tlsOf(url);
  const database = parts.map(({ pathname }) => Number(pathname.slice(1))).find((number) => number > 0);
  return {
    sentinels: parts.map(({ hostname, port }) => ({ host: hostname, port: Number(port) || sentinelPort })),
    name: masterName,
    db: database ?? 0,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(tls ? { tls, enableTLSForSentinelMode: true } : {}),
    ...(tls && sentinelTls ? { sentinelTLS: tls } : {}),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    sentinelRetryStrategy: (times) => Math.min(longestReconnectMs, 50 * 2 ** times),
  };
}

/** What the first address says counts for all. */
function tlsOf(url: string): ReturnType<typeof tlsOfAddress> {
  return tlsOfAddress(addressesIn(url)[0] ?? url);
}

function tlsOptions(url: string): Pick<RedisOptions, 'tls'> {
  const tls = tlsOf(url);
  return tls && Object.keys(tls).length > 0 ? { tls } : {};
}

async function ioredis(): Promise<Library> {
  try {
    return await import('ioredis');
  } catch (error) {
    throw packageMissing('ioredis', 'A redis: broker or result store', error);
  }
}
