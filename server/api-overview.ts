/**
 * The shapes of what is shown of many apps at once: the overview and what they cost. Times are milliseconds since the Unix
 * epoch, money is in US dollars as the platforms tell it. What is absent is not known; it is never zero.
 */
import { z } from '@hono/zod-openapi';
import { appName, manager, processType } from './api.ts';

export const overviewManager = manager
  .pick({
    processType: true,
    minimum: true,
    maximum: true,
    paused: true,
    dryRun: true,
    hold: true,
    latest: true,
    unknown: true,
    draining: true,
  })
  .extend({
    /** False: it has no meter, so nothing about work is ever known. */
    measured: z.boolean(),
    goalSeconds: z.number().optional(),
  })
  .openapi('OverviewManager');

/** What is known of the money of a time: a sum over the process types with a price, and those without. */
export const partlyKnown = z
  .object({
    spent: z.number(),
    /** Process types that ran and have no known price. */
    unpriced: z.array(z.string()),
    /** Hours of managers in which nothing was recorded. */
    unknownHours: z.number(),
  })
  .openapi('PartlyKnown');

export const overview = z
  .object({
    /** From when on `today` counts. */
    from: z.number(),
    apps: z.array(
      z.object({
        name: appName,
        fleet: z.string(),
        warnings: z.array(z.string()).optional(),
        managers: z.array(overviewManager),
        /** What it cost since `from`. Absent: no price is known. */
        today: partlyKnown.optional(),
        openIssues: z.number().int(),
      }),
    ),
  })
  .openapi('Overview', { description: 'Every app with its managers at this moment, in one answer.' });

const money = z.object({
  pricePerHour: z.number(),
  spent: z.number(),
  /** What the highest count of any hour would have cost, kept up for all known hours. */
  alwaysOn: z.number(),
  saved: z.number(),
  forecast: z.number().optional(),
});

export const cost = z
  .object({
    from: z.number(),
    to: z.number(),
    until: z.number(),
    apps: z.array(
      z.object({
        name: appName,
        fleet: z.string(),
        processTypes: z.array(
          z.object({
            processType,
            hours: z.number(),
            unknownHours: z.number(),
            processHours: z.number(),
            peak: z.number(),
            alwaysOnHours: z.number(),
            forecastHours: z.number().optional(),
            /** Absent: the fleet tells no price. */
            money: money.optional(),
            /** Process hours of each day of 24 hours from `from`; null where nothing is known. */
            days: z.array(z.number().nullable()),
          }),
        ),
      }),
    ),
  })
  .openapi('Cost', { description: 'What processes used and cost, from the recorded hours.' });

export type Overview = z.infer<typeof overview>;
export type OverviewApp = Overview['apps'][number];
export type OverviewManager = z.infer<typeof overviewManager>;
export type PartlyKnown = z.infer<typeof partlyKnown>;
export type Cost = z.infer<typeof cost>;
export type TypeCost = Cost['apps'][number]['processTypes'][number];
