/** What the stand-in for the controller says of tasks: awkward names, failures, what is not known, and apps without any. */
import type { Hono } from 'hono';
import type { SentAgain, TaskFailure, Tasks, TaskTotals } from '../server/api-tasks.ts';
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
  const sent = new Map<string, string>();
  http.post('/api/apps/:app/tasks/failures/:task/send-again', (c) => {
    const id = c.req.param('task');
    const failure = demoFailures(Date.now()).find((one) => one.id === id);
    const before = sent.get(id);
    if (before)
      return refusal(
        'TASK_SENT_BEFORE',
        `The task was not sent once more: it was sent again before, as ${before}.`,
      );
    if (failure?.id !== '0cc2') return refusal('TASK_NOT_SENT', notKept);
    sent.set(id, 'c1f7a0e2-4b1d-4f0e-9c58-7c1f8a2d3e44');
    const answer: SentAgain = { id: sent.get(id) ?? '', task: failure.task, queue: failure.queue };
    return c.json(answer);
  });
}

const notKept =
  "The task was not sent again: its arguments were kept nowhere. For the next ones: Python's workers keep them with result_extended = True.";

function refusal(code: string, detail: string): Response {
  const body = { type: `urn:headcount:error:${code}`, title: code, status: 409, code, detail };
  return Response.json(body, { status: 409, headers: { 'content-type': 'application/problem+json' } });
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
