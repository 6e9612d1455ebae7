/**
 * From an address to a broker or a result store. Each is loaded only when it is asked for. Addresses are written as in
 * Celery: several of them, joined by a semicolon, are the sentinels, nodes or alternates of one service.
 */
import type { Broker } from './broker.ts';
import { TasksError } from './errors.ts';
import type { FormatOptions } from './format.ts';
import type { RabbitSettings } from './rabbitmq/settings.ts';
import { type Results, type ResultsSettings, resultExpiresSeconds } from './results.ts';

export interface RedisSettings {
  /** As in Celery's broker_transport_options; the shortest of all apps on a database counts. Default 3,600. */
  readonly visibilityTimeoutSeconds?: number;
  /** After so long without a sign of life a worker of ours is dead, and its jobs come back. Default 60. */
  readonly leaseSeconds?: number;
  /** Celery's `global_keyprefix`: put before every key. On a cluster it is made a hash tag, `{headcount}` by default. */
  readonly keyPrefix?: string;
  /** Celery's `master_name`, for `sentinel://`: the name that the sentinels know the server by. */
  readonly masterName?: string;
  /** Of the sentinels themselves, as in Celery's `sentinel_kwargs`; those of the server are in the address. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** With `rediss+sentinel://`: TLS to the sentinels, too, with the same certificates. Default false: to the server only. */
  readonly sentinelTls?: boolean;
}

export type Address =
  | { readonly kind: 'memory'; readonly name: string }
  | { readonly kind: 'sqlite'; readonly path: string }
  /** One server, sentinels, or nodes of a cluster: `;` between them. */
  | { readonly kind: 'redis'; readonly url: string }
  /** One server or several to choose from: `;` between them. */
  | { readonly kind: 'rabbitmq'; readonly url: string };

/** An address at which results can be had: RabbitMQ keeps none, and brings them to who sent the call instead. */
export type ResultsAddress =
  | Exclude<Address, { kind: 'rabbitmq' }>
  | { readonly kind: 'postgresql'; readonly url: string }
  | { readonly kind: 'rpc'; readonly url: string };

/** @throws TasksError BROKER_URL_INVALID for anything but the forms of a broker */
export function parseAddress(text: string): Address {
  const memory = /^memory:(?:\/\/)?([\w.-]*)\/?$/.exec(text);
  if (memory) return { kind: 'memory', name: memory[1] ?? '' };
  const sqlite = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(text);
  if (sqlite?.[1] && sqlite[1] !== ':memory:' && !sqlite[1].startsWith('//'))
    return { kind: 'sqlite', path: sqlite[1] };
  const parts = addressesIn(text);
  const all = (form: RegExp): boolean =>
    parts.length > 0 && parts.every((part) => form.test(part) && URL.canParse(part) && hasDatabase(part));
  if (all(/^sentinel:\/\//) || all(/^rediss\+sentinel:\/\//) || all(/^rediss?\+cluster:\/\//))
    return { kind: 'redis', url: text };
  if (parts.length === 1 && all(/^rediss?:\/\//)) return { kind: 'redis', url: text };
  // Celery's name of its client for the same protocol.
  const amqp = parts.map((part) => part.replace(/^pyamqp:/, 'amqp:'));
  if (amqp.length > 0 && amqp.every((part) => /^amqps?:\/\//.test(part) && URL.canParse(part)))
    return { kind: 'rabbitmq', url: amqp.join(';') };
  throw new TasksError(
    'BROKER_URL_INVALID',
    `"${withoutPassword(text)}" is no address of a broker`,
    'it is not of the form sqlite:<file>, redis://<host>:<port>/<db>, amqp://<user>:<password>@<host>/<vhost>, ' +
      'sentinel://, redis+cluster:// or memory:',
    'Write for example sqlite:./broker.db or redis://127.0.0.1:6379/0',
  );
}

/** Redis numbers its databases; the client would take anything else for the first. */
function hasDatabase(url: string): boolean {
  return /^\/?\d*$/.test(new URL(url).pathname);
}

/** The single addresses of a list. */
export function addressesIn(text: string): string[] {
  return text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

export async function openBroker(
  address: Address,
  redis: RedisSettings,
  rabbitmq: RabbitSettings,
  format: FormatOptions,
): Promise<Broker> {
  switch (address.kind) {
    case 'memory':
      return (await import('./brokers/memory.ts')).openMemoryBroker(address.name);
    case 'sqlite':
      return (await import('./brokers/sqlite.ts')).openSqliteBroker(address.path);
    case 'rabbitmq':
      return (await import('./brokers/rabbitmq.ts')).openRabbitBroker(address.url, rabbitmq, format);
    case 'redis':
      return (await import('./brokers/redis.ts')).openRedisBroker(address.url, redis, format);
  }
}

/**
 * Where a beat keeps its state when that is not the broker.
 *
 * @throws TasksError BROKER_URL_INVALID
 */
export function beatStateAt(
  text: string,
  redis: RedisSettings,
  rabbitmq: RabbitSettings,
): () => Promise<Pick<Broker, 'beat' | 'close'>> {
  const database = databaseAddress(text);
  if (database) return async () => (await import('./postgresql/beat.ts')).openPostgresqlBeats(database);
  const address = parseAddress(text);
  return () => openBroker(address, redis, rabbitmq, {});
}

/** SQLAlchemy's spellings, as in Celery's database backend. */
function databaseAddress(text: string): string | undefined {
  const database = text.replace(/^db\+/, '').replace(/^postgres(ql)?(\+\w+)?:/, 'postgresql:');
  return /^postgresql:\/\//.test(database) && URL.canParse(database) ? database : undefined;
}

/**
 * @param broker where `rpc://` brings results
 * @throws TasksError BROKER_URL_INVALID for what cannot keep or bring results
 */
export function parseResultsAddress(text: string, broker: Address): ResultsAddress {
  const database = databaseAddress(text);
  if (database) return { kind: 'postgresql', url: database };
  if (/^rpc:(\/\/)?$/.test(text) && broker.kind === 'rabbitmq') return { kind: 'rpc', url: broker.url };
  const address = /^rpc:/.test(text) ? undefined : parseAddress(text);
  if (address && address.kind !== 'rabbitmq') return address;
  throw new TasksError(
    'BROKER_URL_INVALID',
    `Results cannot be had at "${withoutPassword(text)}"`,
    address
      ? 'RabbitMQ keeps no results that can be read twice'
      : 'rpc:// brings results over a broker on RabbitMQ',
    'Give results: redis://…, postgresql://… or sqlite:…, or rpc:// beside an amqp: broker, or leave it out to keep none',
  );
}

export async function openResults(
  address: ResultsAddress,
  redis: RedisSettings,
  settings: ResultsSettings = { expiresSeconds: resultExpiresSeconds },
): Promise<Results> {
  switch (address.kind) {
    case 'memory':
      return (await import('./results/memory.ts')).openMemoryResults(address.name, settings);
    case 'sqlite':
      return (await import('./results/sqlite.ts')).openSqliteResults(address.path, settings);
    case 'postgresql':
      return (await import('./results/postgresql.ts')).openPostgresqlResults(address.url, settings);
    case 'rpc':
      return (await import('./results/rpc.ts')).openRpcResults(address.url, settings);
    case 'redis':
      return (await import('./results/redis.ts')).openRedisResults(address.url, redis, settings);
  }
}

export function withoutPassword(text: string): string {
  return text.replace(/\/\/[^@/]*@/g, '//***@');
}
