/** The shapes of who works for an app at this moment. Times are milliseconds since the Unix epoch. */
import { z } from '@hono/zod-openapi';
import { processType } from './api.ts';

const worker = z.object({
  /** As the fleet names it: `worker.3`. */
  name: z.string(),
  state: z.enum(['starting', 'up', 'stopping', 'crashed']),
  since: z.number(),
  /** Jobs in its hands, running or reserved. Absent: nobody knows. */
  jobs: z.number().optional(),
  /** Where only this is known. */
  busy: z.boolean().optional(),
  /** Since when it takes no new jobs, because it is to go. */
  quietSince: z.number().optional(),
  /** Why it cannot be told to take no new jobs. */
  deaf: z.string().optional(),
});

export const crew = z
  .object({
    at: z.number(),
    /** One worker can be let go by its name; else the platform chooses. */
    letsGo: z.boolean(),
    processTypes: z.array(
      z.object({
        processType,
        /** When the fleet was counted last. Absent: it could not be, yet. */
        countedAt: z.number().optional(),
        /** Why it could not be counted or asked at the newest checkup. */
        unknown: z.string().optional(),
        desired: z.number().optional(),
        workers: z.array(worker),
        /** Who listens to the same queues and is no process of the fleet. */
        others: z.array(z.object({ name: z.string(), jobs: z.number(), quiet: z.boolean() })),
        /** Who does what: `told` by the workers, `silent` when some did not answer, `unasked` where nobody can be asked. */
        jobs: z.enum(['told', 'silent', 'unasked']),
      }),
    ),
  })
  .openapi('Crew', { description: 'Who runs now. A process type that is not there has no manager.' });

export type Crew = z.infer<typeof crew>;
export type CrewType = Crew['processTypes'][number];
export type CrewWorker = z.infer<typeof worker>;
