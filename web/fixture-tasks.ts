/** What the stand-in for the controller says of tasks: awkward names, failures, what is not known, and apps without any. */
import type { Hono } from 'hono';
import type { TaskFailure, Tasks, TaskTotals } from '../server/api-tasks.ts';
import { longApp } from './fixture-data.ts';

export function taskRoutes(http: Hono): void {
  http.get('/api/apps/:app/tasks', (c) => {
    const [from, to] = [Number(c.req.query('from')), Number(c.req.query('to'))];
    const satisfiedMs = Number(c.req.query('satisfiedMs'));
    const known = ['catalogue', longApp].includes(c.req.param('app'));
    const answer: Tasks = {
      grain: 'minute',
      from,
      to,
      satisfiedMs,
      tasks: known ? demoTasks(satisfiedMs) : [],
      failures: known ? demoFailures(Date.now()) : [],
    };
    return c.json(answer);
  });
}

function totals(task: string, ended: number, p50: number, change: Partial<TaskTotals> = {}): TaskTotals {
  return {
    task,
    queue: 'celery',
    received: ended,
    succeeded: ended,
    failed: 0,
    retried: 0,
    revoked: 0,
    perSecond: ended / 3_600,
    runMs: { count: ended, p50, p95: 3 * p50, p99: 5 * p50, mean: 1.2 * p50 },
    waitMs: { count: ended, p50: 35, p95: 610, p99: 1_204 },
    apdex: 0.99,
    ...change,
  };
}

function demoTasks(satisfiedMs: number): TaskTotals[] {
  const { runMs: _, waitMs: __, apdex: ___, ...unended } = totals('catalogue.audit', 0, 1);
  return [
    totals('catalogue.ingest_track', 12_480, 812, {
      failed: 6,
      retried: 31,
      apdex: satisfiedMs >= 10_000 ? 0.98 : 0.81,
    }),
    totals('catalogue.transcode_waveform_and_thumbnails_for_every_distributor', 310, 41_000, {
      queue: 'slow,bulk-imports-of-large-distributors',
      succeeded: 250,
      failed: 60,
      apdex: 0.12,
    }),
    totals('catalogue.ping', 3, 4),
    { ...unended, queue: 'nightly', received: 2 },
  ];
}

function demoFailures(now: number): TaskFailure[] {
  return [
    {
      at: now - 40_000,
      task: 'catalogue.transcode_waveform_and_thumbnails_for_every_distributor',
      queue: 'slow,bulk-imports-of-large-distributors',
      id: '5b1f0f4e-7a53-4c38-9a52-0a2f6b8c1d11',
      worker: 'worker.4@ip-10-0-4-12',
      error:
        'SoftTimeLimitExceeded() while reading /mnt/masters/2026/11/a-very-long-name-without-any-space-in-it.flac',
    },
    {
      at: now - 400_000,
      task: 'catalogue.ingest_track',
      queue: 'celery',
      id: '0cc2',
      worker: 'worker.1@ip-10-0-4-12',
      error: "ValueError('no such track')",
    },
  ];
}
