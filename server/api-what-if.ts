/** The shapes of a what-if: settings that are not saved, and what recorded work comes to under them. */
import { z } from '@hono/zod-openapi';

const outcome = z
  .object({
    jobs: z.number(),
    processHours: z.number(),
    /** Of all jobs, 0 to 1, in the order of `goalsSeconds`. */
    withinGoals: z.array(z.number()),
    p95Seconds: z.number(),
    longestSeconds: z.number(),
    mostProcesses: z.number(),
    /** How often another number was wanted. */
    changes: z.number(),
  })
  .openapi('WhatIfOutcome', { description: 'What the recorded work comes to under some settings.' });

const played = z
  .object({
    from: z.number(),
    to: z.number(),
    playedSeconds: z.number(),
    /** Between the two, and in no figure. */
    unknownSeconds: z.number(),
    goalsSeconds: z.array(z.number()),
    /** In US dollars. Absent: no price is known. */
    pricePerHour: z.number().optional(),
    /** What really was in that time. An absent number was not told. */
    recorded: z.object({
      processHours: z.number(),
      mostProcesses: z.number(),
      longestSeconds: z.number().optional(),
    }),
    present: outcome,
    changed: outcome,
    stepSeconds: z.number(),
    /** The highest number that was wanted in each step; a step of which nothing is known is left out. */
    steps: z.array(
      z.object({
        at: z.number(),
        present: z.number(),
        changed: z.number(),
        recorded: z.number().optional(),
      }),
    ),
    trust: z.enum(['good', 'fair', 'poor']),
    /** How it was estimated, and what that cannot know. */
    notes: z.array(z.string()),
  })
  .openapi('WhatIfPlayed');

export const whatIfAnswer = z
  .object({
    played: played.optional(),
    /** Why nothing could be played. */
    why: z.string().optional(),
  })
  .openapi('WhatIfAnswer', {
    description: 'Recorded work, played under the present and under the changed settings. Nothing is saved.',
  });

export type WhatIfAnswer = z.infer<typeof whatIfAnswer>;
export type WhatIfPlayed = z.infer<typeof played>;
export type WhatIfOutcome = z.infer<typeof outcome>;
