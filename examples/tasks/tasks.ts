/** The tasks of both examples. The web program and the worker import the same module. */
import { type AsyncResult, createApp, type Task, type TasksApp } from '@headcount/tasks';

export const app: TasksApp = createApp({ broker: process.env.BROKER_URL ?? 'sqlite:./broker.db' });

export interface Track {
  readonly isrc: string;
  readonly seconds: number;
}

/** Nobody asks what became of it, so no result is kept; failures are. */
export const ingest: Task<[Track], void> = app.task(
  'tracks.ingest',
  async (_context, track: Track): Promise<void> => {
    console.log(`ingested ${track.isrc}`);
  },
  { ignoreResult: true, maxRetries: 5, queue: 'ingest' },
);

/** Somebody waits for this one. */
export const waveform: Task<[Track], number[]> = app.task(
  'tracks.waveform',
  async (_context, track: Track): Promise<number[]> =>
    Array.from({ length: Math.min(8, track.seconds) }, (_, index) => (index * 37 + track.seconds) % 100),
  { softTimeLimitSeconds: 20 },
);

export type Waveform = AsyncResult<number[]>;
