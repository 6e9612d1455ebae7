/** Results in the table `results` of a SQLite file: that of the broker, or another one. Writes share transactions. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  decodeResult,
  encodeResult,
  isFinal,
  type ResultRecord,
  type Results,
  type ResultsSettings,
} from '../results.ts';
import { openFile, type SqliteFile, type Statement } from '../sqlite/file.ts';

const storeDelayMs = 5;
const firstPollMs = 10;
const lastPollMs = 100;
const purgeEveryMs = 5_000;
const purgedAtATime = 5_000;

export async function openSqliteResults(path: string, settings: ResultsSettings): Promise<Results> {
  const file = await openFile(path, 'consumer');
  const read = file.db.prepare('SELECT result FROM results WHERE id = ? AND expires > ?').raw() as Statement;
  const get = (id: string): ResultRecord | undefined =>
    decodeResult((read.get(id, Date.now()) as [string] | undefined)?.[0]);
  const writer = batchWriter(file, settings);
  return {
    store: (record) => writer.add(record),
    get: async (id) => get(id),
    wait: async (id, signal) => {
      for (let pollMs = firstPollMs; ; pollMs = Math.min(lastPollMs, pollMs * 1.5)) {
        signal.throwIfAborted();
        const record = get(id);
        if (isFinal(record)) return record;
        await pause(pollMs, undefined, { signal }).catch(() => {});
      }
    },
    close: async () => {
      await writer.flush();
      file.close();
    },
  };
}

interface Waiting {
  readonly record: ResultRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function batchWriter(
  file: SqliteFile,
  { expiresSeconds }: ResultsSettings,
): { add(record: ResultRecord): Promise<void>; flush(): Promise<void> } {
  const write = file.db.prepare(`INSERT INTO results (id, result, expires) VALUES (?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET result = excluded.result, expires = excluded.expires
    WHERE json_extract(results.result, '$.status') != 'SUCCESS' OR results.expires <= ?`) as Statement;
  const purge = file.db.prepare(`DELETE FROM results WHERE id IN
    (SELECT id FROM results WHERE expires < ? ORDER BY expires LIMIT ${purgedAtATime})`) as Statement;
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let purgedMs = 0;

  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    const now = Date.now();
    try {
      await file.write(() => {
        const expires = expiresSeconds > 0 ? now + expiresSeconds * 1000 : Number.MAX_SAFE_INTEGER;
        for (const { record } of batch) write.run(record.task_id, encodeResult(record), expires, now);
        if (now - purgedMs > purgeEveryMs) purge.run(now);
      });
      purgedMs = now - purgedMs > purgeEveryMs ? now : purgedMs;
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  const add = (record: ResultRecord): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ record, resolve, reject });
      timer ??= setTimeout(() => void flush(), storeDelayMs);
    });
  return { add, flush };
}
