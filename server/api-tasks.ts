/** The shapes of what happened to tasks by name, as api.ts has those of all else. Times are milliseconds since the Unix epoch. */
import { z } from '@hono/zod-openapi';

const times = z
  .object({ count: z.number(), p50: z.number(), p95: z.number(), p99: z.number() })
  .openapi('TaskTimes', { description: 'Milliseconds; at most 5 % above the truth.' });

const counts = {
  received: z.number(),
  succeeded: z.number(),
  failed: z.number(),
  retried: z.number(),
  revoked: z.number(),
  /** From start to end, of those that ended. Absent: none did. */
  runMs: times.extend({ mean: z.number() }).optional(),
  /** From sent to started. Absent: no producer told when it sent them. */
  waitMs: times.optional(),
};

const taskTotals = z
  .object({
    task: z.string(),
    queue: z.string(),
    ...counts,
    /** Ended per second of the span, well or not. */
    perSecond: z.number(),
    /** 0 to 1: ended well within `satisfiedMs` counts 1, within four times of it a half, later or failed nothing. Absent: none ended. */
    apdex: z.number().optional(),
  })
  .openapi('TaskTotals');

const taskFailure = z
  .object({
    at: z.number(),
    task: z.string(),
    queue: z.string(),
    id: z.string(),
    worker: z.string(),
    error: z.string(),
  })
  .openapi('TaskFailure');

export const tasks = z
  .object({
    grain: z.enum(['minute', 'hour']),
    from: z.number(),
    to: z.number(),
    satisfiedMs: z.number(),
    tasks: z.array(taskTotals),
    failures: z.array(taskFailure),
  })
  .openapi('Tasks', {
    description: 'Those that took most of the workers’ time first; failures newest first.',
  });

export const taskSeries = z
  .object({ grain: z.enum(['minute', 'hour']), points: z.array(z.object({ at: z.number(), ...counts })) })
  .openapi('TaskSeries', {
    description: 'Oldest first, at most 2,000 points. A minute or hour in which nothing was heard is absent.',
  });

export const sentAgain = z
  .object({
    /** Of the new task. */
    id: z.string(),
    task: z.string(),
    queue: z.string(),
  })
  .openapi('SentAgain');

export type SentAgain = z.infer<typeof sentAgain>;
export type TaskTotals = z.infer<typeof taskTotals>;
export type TaskFailure = z.infer<typeof taskFailure>;
export type Tasks = z.infer<typeof tasks>;
