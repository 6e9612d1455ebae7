/**
 * A connection to RabbitMQ that is made when it is needed and made again after it was lost. Nothing reconnects in the
 * background: whoever asks next does it, and callers have bounded patience of their own (the worker's growing pauses,
 * `use` below). amqplib's own recovery was rejected: it would declare again what it remembers, which ends in 406
 * for a queue that exists with other arguments, and would redeliver what we still work on without telling.
 *
 * Of several addresses, joined by a semicolon as in Celery, each attempt takes the next one after a failure (kombu's
 * default strategy, round robin); the one that works is kept until it is lost.
 */

import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChannelModel } from 'amqplib';
import { packageMissing, TasksError, textOf } from '../errors.ts';
import { addressesIn } from '../open.ts';
import { tlsOf } from '../tls.ts';
import { type Gate, gateOf } from './blocked.ts';
import { type Receiver, readLongIntegers } from './respell.ts';

export interface Link<T> {
  /** What was prepared on the live connection. Rejects with BROKER_UNREACHABLE within a few seconds. */
  get(): Promise<T>;
  /** Does something with it, and again on a new connection when it was lost meanwhile; for some seconds. */
  use<R>(work: (live: T) => Promise<R>): Promise<R>;
  /** Drops the connection of this: the next `get` makes a new one. */
  lose(live: T): void;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
/** A handler may block its thread for a while; the server gives up after about twice this. */
const heartbeatSeconds = 60;
const patienceMs = 8_000;
/** Where nothing ever answered, waiting helps nobody. */
const firstPatienceMs = 500;
const firstPauseMs = 50;
const longestPauseMs = 2_000;
/** A blocked server never answers the wish to close, and the socket would keep the process alive. */
const longestCloseMs = 5_000;

/** @param prepare opens the channels; runs once for each connection. `lost` is to be called when one of them closes */
export function createLink<T>(
  url: string,
  prepare: (connection: ChannelModel, lost: () => void) => Promise<T>,
): Link<T> {
  let current: { promise: Promise<T>; live?: T; gate?: Gate; end(): void } | undefined;
  let closed = false;
  let reached = false;
  const connect = connecting(url);
  const open = (): NonNullable<typeof current> => {
    const mine: NonNullable<typeof current> = { promise: Promise.reject(), end: () => {} };
    mine.promise.catch(() => {});
    const lost = (): void => {
      if (current === mine) current = undefined;
      mine.end();
    };
    mine.promise = connect().then(async (connection) => {
      mine.end = () => end(connection);
      mine.gate = gateOf(connection);
      // Each failure reaches the call that it fails; without a listener it would end the process.
      connection.on('error', () => {}).on('close', lost);
      if (closed) lost();
      mine.live = await prepare(connection, lost);
      reached = true;
      return mine.live;
    });
    mine.promise.catch(lost);
    current = mine;
    return mine;
  };
  const get = async (mine = current ?? open()): Promise<T> => {
    try {
      return await mine.promise;
    } catch (error) {
      throw unreachable(url, error);
    }
  };
  const through = async <R>(work: (live: T) => Promise<R>): Promise<R> => {
    const mine = current ?? open();
    const live = await get(mine);
    return mine.gate ? mine.gate.pass(() => work(live)) : work(live);
  };
  return {
    get: () => get(),
    use: (work) =>
      patiently(
        url,
        () => (reached ? patienceMs : firstPatienceMs),
        () => through(work),
      ),
    lose: (live) => {
      if (current?.live !== live) return;
      current.end();
      current = undefined;
    },
    close: async () => {
      closed = true;
      const last = current;
      current = undefined;
      await last?.promise.catch(() => {});
      last?.end();
    },
  };
}

async function patiently<T>(url: string, limitMs: () => number, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof TypeError) throw error;
      if (isFinal(error) || Date.now() + pauseMs > start + limitMs()) throw unreachable(url, error);
      await pause(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}

export function unreachable(url: string, cause: unknown): TasksError {
  if (cause instanceof TasksError) return cause;
  const places = addressesIn(url).map((one) => {
    const { hostname, port, protocol } = new URL(one);
    return `${hostname}:${port || (protocol === 'amqps:' ? 5671 : 5672)}`;
  });
  return new TasksError(
    'BROKER_UNREACHABLE',
    `RabbitMQ at ${places.join(' or ')} did not do it`,
    textOf(cause),
    'Check that it runs, the user, password and virtual host in the address, and the rights of that user',
    { cause },
  );
}

/** amqplib's errors of the server carry the reply code. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** No waiting mends these: a missing package, a refused right, a message that is too large. */
function isFinal(error: unknown): boolean {
  if (error instanceof TasksError) return error.code !== 'BROKER_UNREACHABLE';
  return error instanceof RangeError || replyCode(error) === 403;
}

/** Tries every address once, beginning with the one that worked last. */
function connecting(url: string): () => Promise<ChannelModel> {
  const addresses = addressesIn(url);
  let turn = 0;
  return async () => {
    for (let left = addresses.length; ; left--) {
      try {
        return await connect(addresses[turn % addresses.length] ?? url);
      } catch (error) {
        if (error instanceof TasksError) throw error;
        turn++;
        if (left <= 1) throw error;
      }
    }
  };
}

async function connect(url: string): Promise<ChannelModel> {
  const client = await import('amqplib').catch((error: unknown) => {
    throw packageMissing('amqplib', 'An amqp: broker', error);
  });
  const beating = new URL(url);
  if (!beating.searchParams.has('heartbeat')) beating.searchParams.set('heartbeat', `${heartbeatSeconds}`);
  const connection = await client.connect(beating.href, {
    noDelay: true,
    keepAlive: true,
    timeout: connectTimeoutMs,
    clientProperties: { product: '@headcount/tasks' },
    ...credentialsOf(beating),
    ...tlsOf(url),
  });
  const inside = (connection as unknown as { connection?: { stream?: Writable } & Partial<Receiver> })
    .connection;
  writeTogether(inside?.stream);
  readLongIntegers(inside);
  return connection;
}

/** As amqplib has them; it would read the letters of a password that are not ASCII one byte at a time. */
function credentialsOf({ username, password }: URL): {
  credentials?: { mechanism: string; response(): Buffer };
} {
  if (username === '' && password === '') return {};
  const response = (): Buffer => Buffer.from(`\0${decoded(username)}\0${decoded(password)}`);
  return { credentials: { mechanism: 'PLAIN', response } };
}

/** A percent sign that begins nothing is one, as in Python. */
function decoded(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

function end(connection: ChannelModel): void {
  const { stream } = (connection as unknown as { connection?: { stream?: Writable } }).connection ?? {};
  // amqplib ends its side, and waits for the other.
  const late = setTimeout(() => stream?.destroy(), longestCloseMs).unref();
  stream?.once('close', () => clearTimeout(late));
  connection.close().catch(() => {});
}

/** amqplib writes each message to the socket by itself; all of one turn of the event loop go as one. */
function writeTogether(stream: Writable | undefined): void {
  if (!stream) return;
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  let corked = false;
  const flush = (): void => {
    corked = false;
    stream.uncork();
  };
  const together = (...args: unknown[]): boolean => {
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(flush);
    }
    return write(...args);
  };
  stream.write = together as typeof stream.write;
}
