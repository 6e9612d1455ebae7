/** The embedded broker: one file, any number of processes on one machine, nothing to install. */
import type { Broker } from '../broker.ts';
import type { TaskMessage } from '../message.ts';
import { sqliteBeatStore } from '../sqlite/beat.ts';
import { keepLogShort } from '../sqlite/checkpoint.ts';
import { startConsumer } from '../sqlite/consumer.ts';
import { depthReader } from '../sqlite/depth.ts';
import { openFile, type SqliteFile } from '../sqlite/file.ts';
import { type Jobs, jobsOf } from '../sqlite/jobs.ts';
import { jobRow } from '../sqlite/row.ts';

/** Jobs that one transaction publishes: about ten milliseconds of the event loop. */
const publishedAtATime = 1_000;
const manyJobs = 100;

/** @param path of the file; it and its folder are made when absent */
export async function openSqliteBroker(path: string): Promise<Broker> {
  const file = await openFile(path, 'publisher');
  const jobs = jobsOf(file.db);
  const depth = depthReader(file.db);
  const consumerFiles: SqliteFile[] = [];
  const log = keepLogShort(path);
  return {
    publish: (queue, messages) => publish(file, jobs, queue, messages),
    consume: async (options) => {
      const own = await openFile(path, 'consumer');
      consumerFiles.push(own);
      const consumer = await startConsumer(own, options);
      return { ...consumer, close: () => consumer.close().finally(() => own.close()) };
    },
    depth: async (queue) => depth(queue, Date.now()),
    purge: (queue) => file.write(() => jobs.purge(queue)),
    beat: (name) => sqliteBeatStore(file, jobs, name),
    close: async () => {
      log.stop();
      for (const own of consumerFiles) own.close();
      file.close();
    },
  };
}

async function publish(
  file: SqliteFile,
  jobs: Jobs,
  queue: string,
  messages: readonly TaskMessage[],
): Promise<void> {
  for (let from = 0; from < messages.length; from += publishedAtATime) {
    const now = Date.now();
    const rows = messages.slice(from, from + publishedAtATime).map((message) => jobRow(message, now));
    await file.write(() => jobs.add(queue, rows, Date.now()));
    // A producer in a tight loop must not keep its process from everything else.
    if (rows.length >= manyJobs) await new Promise((resolve) => setImmediate(resolve));
  }
}
