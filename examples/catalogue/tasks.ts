/** The catalogue's work: one job per line of an upload. Imported by the API, which enqueues, and the worker, which works. */
import { createApp, type Task, type TasksApp } from '@headcount/tasks';
import { readSettings, type Settings } from './settings.ts';
import { openCatalogue } from './store.ts';
import { type Delivery, type TrackRows, trackRows } from './track-rows.ts';
import { checkCollection, checkTrack, type Fields, type Kind } from './validate.ts';

/** What travels in the queue. Short names: 300,000 of them stand there at once. */
export interface Line {
  readonly upload: number;
  readonly line: number;
  readonly kind: Kind;
  readonly fields: Fields;
}

export interface CatalogueTasks {
  readonly app: TasksApp;
  readonly ingest: Task<[Line], void>;
}

const maxRetries = 5;

export function createTasks(settings: Settings = readSettings()): CatalogueTasks {
  // Nobody reads results: what a line led to stands in the database. Errors are kept by the broker.
  const app = createApp({ broker: settings.broker, queue: settings.queue, ignoreResult: true });
  let rows: TrackRows | undefined;
  const ingest = app.task(
    'catalogue.ingest',
    async (context, job: Line): Promise<void> => {
      const now = Date.now();
      const delivery: Delivery = {
        upload: job.upload,
        line: job.line,
        redelivered: context.redelivered,
        waitedMs: context.publishedAt === undefined ? undefined : Math.max(0, now - context.publishedAt),
      };
      // Opened by the first job, because the API never needs it.
      rows ??= trackRows(openCatalogue(settings.database));
      try {
        work(rows, delivery, job, now);
      } catch (error) {
        if (context.retries < maxRetries) throw error;
        const text = `gave up after ${maxRetries} retries: ${error instanceof Error ? error.message : String(error)}`;
        rows.reject(delivery, [{ grade: 'rejected', code: 'failed', text }], now);
        throw error;
      }
    },
    { maxRetries, retryBackoffSeconds: 1, ackLate: true, ignoreResult: true },
  );
  return { app, ingest };
}

function work(rows: TrackRows, delivery: Delivery, job: Line, now: number): void {
  if (job.kind === 'track') {
    const { value, notes } = checkTrack(job.fields, now);
    if (value) rows.storeTrack(delivery, value, notes, now);
    else rows.reject(delivery, notes, now);
    return;
  }
  const { value, notes } = checkCollection(job.kind, job.fields, now);
  if (value) rows.storeCollection(delivery, value, notes, now);
  else rows.reject(delivery, notes, now);
}
