/**
 * One connection that hears NOTIFY for all who wait, made when somebody first does and again when it was lost. A
 * notification can be lost with a connection, so whoever waits also looks again every second.
 */
import type { Client } from 'pg';
import { isFinal, type ResultRecord } from '../results.ts';

export interface Listener {
  /** Resolves when it listens, or when that failed: then the looks of every second find the result. */
  listen(id: string): Promise<Listening>;
  close(): Promise<void>;
}

export interface Listening {
  /** Call it before looking: what it answers with resolves when the id was named since, after a second, or on abort. */
  told(): (signal: AbortSignal) => Promise<void>;
  leave(): void;
}

const lookAgainMs = 1_000;
const outageMs = 10_000;

/** @param channel of whose payloads each line is an id */
export function createListener(connect: () => Client, channel: string): Listener {
  const waiting = new Map<string, Set<() => void>>();
  let current: Promise<Client> | undefined;
  let closed = false;
  const open = async (): Promise<Client> => {
    const client = connect();
    const lost = (): void => {
      current = undefined;
    };
    client.on('error', lost).on('end', lost);
    client.on('notification', ({ payload = '' }) => {
      for (const id of payload.split('\n')) for (const tell of waiting.get(id) ?? []) tell();
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      return client;
    } catch (error) {
      lost();
      void client.end().catch(() => {});
      throw error;
    }
  };
  const ensure = async (): Promise<void> => {
    if (closed) return;
    current ??= open();
    await current.catch(() => {});
  };
  return {
    listen: async (id) => {
      await ensure();
      const set = waiting.get(id) ?? new Set();
      waiting.set(id, set);
      let wake = (): void => {};
      const tell = (): void => wake();
      set.add(tell);
      return {
        told: () => {
          void ensure();
          const named = new Promise<void>((resolve) => {
            wake = resolve;
          });
          return (signal) => soon(named, signal);
        },
        leave: () => {
          set.delete(tell);
          if (set.size === 0 && waiting.get(id) === set) waiting.delete(id);
        },
      };
    },
    close: async () => {
      closed = true;
      const client = await current?.catch(() => undefined);
      await client?.end().catch(() => {});
    },
  };
}

/**
 * Looks, and looks again each time it is told, until the state is final. A store that fails is given ten seconds to come
 * back, from its last answer or from the beginning: a connection may be lost while the first look is on its way.
 *
 * @param told called before each look; see `Listening`
 */
export async function waitFor(
  look: () => Promise<ResultRecord | undefined>,
  told: () => (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<ResultRecord> {
  let lastSeenMs = Date.now();
  while (true) {
    signal.throwIfAborted();
    const news = told();
    try {
      const record = await look();
      if (isFinal(record)) return record;
      lastSeenMs = Date.now();
    } catch (error) {
      if (Date.now() - lastSeenMs > outageMs) throw error;
    }
    await news(signal);
  }
}

/** Resolves with the first of: it was told, a second passed, nobody waits any more. */
export async function soon(told: Promise<void>, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, lookAgainMs);
    stop = resolve;
    signal.addEventListener('abort', stop, { once: true });
  });
  await Promise.race([told, over]);
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
}
