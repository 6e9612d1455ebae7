/**
 * One connection to Redis that a meter keeps between its reads. It is made at the first read and again at the read after it
 * was lost: one attempt per read, so the meter's own rhythm is the backoff. ioredis can reconnect by itself in
 * the background, but then commands wait in its queue and an outage shows as a time-out instead of as its reason.
 *
 * Addresses are written as Celery writes them: `redis://user:password@host:6379/0`, `rediss://` for TLS, and
 * `?ssl_cert_reqs=none` where the server's certificate is its own (Heroku); behind sentinels `sentinel://host:26379/0`, several with
 * `;` between, and the name of the master beside it; `rediss+sentinel://` speaks TLS with the server, and none with the sentinels.
 */
import type { Redis, RedisOptions } from 'ioredis';
import { HeadcountError } from '../decide/errors.ts';

export interface RedisLink {
  /** The number of the database in the address. */
  readonly database: number;
  /** A connection that is ready. Rejects when there can be none. */
  connected(signal: AbortSignal): Promise<Redis>;
  /** Gives the connection up; the next `connected` makes another. */
  drop(): void;
  /** What went wrong, as a clause that names the server and no password. */
  explain(problem: unknown): string;
}

const connectTimeoutMs = 5_000;

/** @param masterName what the sentinels call the server; only for `sentinel://` and `rediss+sentinel://` */
export function openRedisLink(url: string, masterName = ''): RedisLink {
  const options = isSentinel(url) ? sentinelOptionsOf(url, masterName) : optionsOf(url);
  const server = options?.sentinels
    ? `Redis "${masterName}" behind the sentinels at ${options.sentinels.map(({ host, port }) => `${host}:${port}`).join(', ')}`
    : `Redis at ${options?.host}:${options?.port}`;
  let client: Redis | undefined;
  let lastError: unknown;
  const drop = (): void => {
    client?.disconnect();
    client = undefined;
  };
  const connect = async (signal: AbortSignal): Promise<Redis> => {
    if (!options) throw badAddress();
    drop();
    const RedisClient = await constructorOfRedis();
    // Whoever gave up meanwhile calls drop() no more: a connection made now would stay for ever.
    signal.throwIfAborted();
    const made = new RedisClient(options);
    client = made;
    lastError = undefined;
    made.on('error', (problem) => {
      lastError = problem;
    });
    await made.connect();
    return made;
  };
  return {
    database: options?.db ?? 0,
    connected: async (signal) => (client?.status === 'ready' ? client : await connect(signal)),
    drop,
    explain: (problem) =>
      problem instanceof HeadcountError ? problem.message : `${server} ${explainError(lastError ?? problem)}`,
  };
}

/** Undefined when it is no address of Redis. */
function optionsOf(url: string): RedisOptions | undefined {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(url);
  if (!['redis:', 'rediss:'].includes(protocol) || !/^(\/\d*)?$/.test(pathname)) return undefined;
  return {
    host: decodeURIComponent(hostname).replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port || 6_379),
    db: Number(pathname.slice(1)),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(protocol === 'rediss:' ? { tls: tlsOf(searchParams) } : {}),
    ...oneAttempt,
  };
}

function tlsOf(query: URLSearchParams): { readonly rejectUnauthorized: boolean } {
  return { rejectUnauthorized: !/^(cert_)?none$/i.test(query.get('ssl_cert_reqs') ?? '') };
}

function isSentinel(url: string): boolean {
  return /^(rediss\+)?sentinel:/.test(url);
}

const oneAttempt: RedisOptions = {
  protocol: 2,
  lazyConnect: true,
  enableOfflineQueue: false,
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  connectTimeout: connectTimeoutMs,
  maxLoadingRetryTime: 0,
};

/** Who is the master is asked at each connection; after a fail-over the next read finds the new one. */
function sentinelOptionsOf(url: string, masterName: string): RedisOptions | undefined {
  const parts = url.split(';').map((part) => part.trim());
  if (!masterName || !parts.every((part) => URL.canParse(part) && isSentinel(part))) return undefined;
  const addresses = parts.map((part) => new URL(part));
  const [first] = addresses;
  const tls = first?.protocol === 'rediss+sentinel:' && tlsOf(first.searchParams);
  const { username, password } = addresses.find((one) => one.password) ?? { username: '', password: '' };
  const database = addresses.map(({ pathname }) => Number(pathname.slice(1))).find((number) => number > 0);
  return {
    sentinels: addresses.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || 26_379,
    })),
    name: masterName,
    db: database ?? 0,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(tls ? { tls, enableTLSForSentinelMode: true } : {}),
    sentinelRetryStrategy: () => null,
    ...oneAttempt,
  };
}

function badAddress(): HeadcountError {
  return new HeadcountError(
    'OPTION_INVALID',
    'the url of the meter is no address of Redis',
    'it begins with redis:// or rediss:// and ends with the number of a database, if with anything; sentinel:// needs masterName too',
    'Write it like redis://:password@127.0.0.1:6379/0, or sentinel://:password@10.0.0.1:26379/0;sentinel://10.0.0.2:26379/0',
  );
}

async function constructorOfRedis(): Promise<new (options: RedisOptions) => Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (cause) {
    throw new HeadcountError(
      'PACKAGE_MISSING',
      'the package "ioredis" could not be loaded',
      'a meter of Redis needs it',
      'Install it: npm install ioredis',
      { cause },
    );
  }
}

/** `MOVED 3999 10.0.0.2:6379` */
function nodeIn(message: string): string {
  const node = /^\w+ \d+ (\S+)/.exec(message)?.[1];
  return node ? `write ${node} in the url, where Celery's own address has to lead as well` : message;
}

function explainError(problem: unknown): string {
  const { code = '', message = String(problem) } = problem as { code?: string; message?: string };
  const clauses: readonly (readonly [RegExp, string])[] = [
    [/aborted due to timeout/, 'gave no answer in time'],
    [/ECONNREFUSED/, 'refused the connection'],
    [/ENOTFOUND|EAI_AGAIN/, 'cannot be found: its host name is not known'],
    [/ETIMEDOUT/, `took no connection within ${connectTimeoutMs / 1_000} s`],
    [/WRONGPASS|invalid password|invalid username-password/, 'refused the password'],
    [/NOAUTH/, 'asks for a password, and the url has none'],
    [/NOPERM/, `does not permit it: ${message}`],
    [
      /WRONGTYPE/,
      'holds something else under a key of this queue: is it the broker, and the right database?',
    ],
    [/^LOADING/, 'is still loading its data'],
    [
      /CROSSSLOT/,
      'is a Redis Cluster, and the keys of this queue lie in several slots: Celery cannot use it so; keyPrefix with a hash tag such as {celery}: puts all in one',
    ],
    [/^(MOVED|ASK) /, `is a node of a Redis Cluster, and another one has the keys: ${nodeIn(message)}`],
    [/^CLUSTERDOWN/, 'is a node of a Redis Cluster that is down or does not serve the keys'],
    [/ECONNRESET|EPIPE|Connection is closed|Stream isn't writeable/, 'cut the connection'],
  ];
  const known = clauses.find(([pattern]) => pattern.test(code) || pattern.test(message));
  return known ? known[1] : `failed: ${message.slice(0, 200) || code}`;
}
