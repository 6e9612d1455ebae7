/**
 * What controllers on one PostgreSQL say to one another: short messages by LISTEN and NOTIFY, so that nothing but the database
 * has to be reachable. A message reaches everybody who listens at that moment, and nobody else: whoever comes back after
 * a broken connection is told so, and asks the tables for what it missed.
 */
import pg from 'pg';

export interface Bus {
  /** At most `messageBytes` of text. */
  send(message: string): Promise<void>;
  /** `missed` is called whenever the connection has come back. One listener per bus. */
  listen(heard: (message: string) => void, missed: () => void): Promise<void>;
  close(): Promise<void>;
}

/** PostgreSQL takes less than 8000 bytes. */
export const messageBytes = 7_900;
const channel = 'headcount';
const againMs = 500;

export function createBus(databaseUrl: string, pool: pg.Pool): Bus {
  let client: pg.Client | undefined;
  let closed = false;
  let again: NodeJS.Timeout | undefined;
  const connect = async (heard: (message: string) => void, lost: () => void): Promise<void> => {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'headcount listens',
    });
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      if (client === fresh) client = undefined;
      void fresh.end().catch(() => {});
      lost();
    };
    fresh.on('error', end);
    fresh.on('end', end);
    fresh.on('notification', ({ payload }) => {
      if (payload) heard(payload);
    });
    try {
      await fresh.connect();
      await fresh.query(`listen ${channel}`);
      if (closed) end();
      else client = fresh;
    } catch {
      end();
    }
  };
  return {
    send: async (message) => {
      await pool.query('select pg_notify($1, $2)', [channel, message]);
    },
    listen: async (heard, missed) => {
      const later = (): void => {
        if (closed) return;
        again = setTimeout(() => {
          void connect(heard, later).then(() => {
            if (client && !closed) missed();
          });
        }, againMs);
      };
      await connect(heard, later);
    },
    close: async () => {
      closed = true;
      clearTimeout(again);
      const last = client;
      client = undefined;
      await last?.end().catch(() => {});
    },
  };
}
