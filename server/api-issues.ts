/**
 * The shapes of what needs a person and of the channels by which people are told, as api.ts has those of all else. Times
 * are milliseconds since the Unix epoch.
 */
import { z } from '@hono/zod-openapi';
import { appName, choice, processType } from './api.ts';

const severity = z.enum(['critical', 'warning', 'info']);

export const issue = z
  .object({
    id: z.string(),
    app: appName,
    processType,
    kind: z.string(),
    severity,
    title: z.string(),
    text: z.string(),
    /** What a person can do about it. */
    todo: z.string(),
    since: z.number(),
    openedAt: z.number(),
    seenAt: z.number(),
    resolvedAt: z.number().optional(),
  })
  .openapi('Issue', { description: 'What needs a person. Without `resolvedAt` it is open.' });

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day as 22:00');

export const tells = z
  .object({
    opened: z.boolean().default(true),
    resolved: z.boolean().default(true),
    scaled: z.boolean().default(false),
    leastSeverity: severity.default('warning'),
    apps: z.array(appName).max(1_000).optional(),
    groupSeconds: z.number().min(0).max(3_600).default(30),
    quiet: z
      .object({ from: timeOfDay, to: timeOfDay, timeZone: z.string().max(64) })
      .optional()
      .openapi({
        description: 'Hours in which only what is critical is told; the rest waits for their end.',
      }),
  })
  .openapi('Tells', { description: 'Of what a channel tells. Without `apps`: of all.' });

export const channelSettings = z
  .object({ name: z.string().trim().min(1).max(80), notifier: choice, tells })
  .openapi('ChannelSettings');

export const channelChange = channelSettings.partial().openapi('ChannelChange');

export const channel = channelSettings
  .extend({
    id: z.string(),
    createdAt: z.number(),
    /** How the last message since the start went. */
    sent: z.object({ at: z.number(), error: z.string().optional() }).optional(),
  })
  .openapi('Channel', { description: 'Where people are told. Secrets are shown as dots.' });

/** The data of a live event named `issue`: one was opened, or is resolved. */
export const issueEvent = z
  .object({
    app: appName,
    processType,
    kind: z.string(),
    severity,
    title: z.string(),
    state: z.enum(['opened', 'resolved']),
  })
  .openapi('IssueEvent');

export type Issue = z.infer<typeof issue>;
export type IssueEvent = z.infer<typeof issueEvent>;
export type Severity = z.infer<typeof severity>;
export type Tells = z.infer<typeof tells>;
export type Channel = z.infer<typeof channel>;
export type ChannelSettings = z.infer<typeof channelSettings>;
export type ChannelChange = z.infer<typeof channelChange>;
