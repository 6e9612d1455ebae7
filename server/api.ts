/**
 * The shapes that the HTTP API speaks, once: routes check against them, the OpenAPI document is made from them, and the
 * dashboard imports their types. Times are milliseconds since the Unix epoch. Errors are problem+json.
 */
import { z } from '@hono/zod-openapi';

const optionValue = z.union([z.string(), z.number(), z.boolean()]);

export const choice = z
  .object({ use: z.string().min(1).max(64), options: z.record(z.string(), optionValue).default({}) })
  .openapi('Choice', { description: 'One configured adapter and its options by name.' });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
  })
  .openapi('Problem');

export const appName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens, at most 63')
  .openapi({ example: 'catalogue' });

export const processType = z
  .string()
  .regex(/^[a-zA-Z][a-zA-Z0-9_-]{0,62}$/, 'a letter, then letters, digits, _ and -, at most 63')
  .openapi({ example: 'worker' });

export const point = z
  .object({
    at: z.number(),
    waiting: z.number().optional(),
    running: z.number().optional(),
    later: z.number().optional(),
    oldestSeconds: z.number().optional(),
    slots: z.number().optional(),
    current: z.number(),
    desired: z.number(),
    unknown: z.number(),
  })
  .openapi('Point', {
    description: 'One checkup, or a roll-up of several. An absent number was unknown, never zero.',
  });

export const reason = z
  .object({ by: z.string(), from: z.number(), to: z.number(), text: z.string() })
  .openapi('Reason');

export const decision = z
  .object({
    id: z.string(),
    at: z.number(),
    current: z.number(),
    desired: z.number(),
    unknown: z.boolean(),
    reasons: z.array(reason),
    sentence: z.string(),
    outcome: z.enum(['scaled', 'failed', 'dry-run', 'kept']),
    error: z.string().optional(),
  })
  .openapi('Decision');

export const foundDecision = decision
  .extend({ app: appName, processType })
  .openapi('FoundDecision', { description: 'A decision with the manager that it is about.' });

export const hold = z
  .object({
    count: z.number().int().min(0).max(10_000),
    until: z.number().optional(),
    by: z.string().optional(),
  })
  .openapi('Hold');

const estimate = z.object({ value: z.number(), observations: z.number() });

export const manager = z
  .object({
    processType,
    rules: z.array(choice).max(10),
    limits: z.array(choice).max(20),
    meters: z.array(choice).max(20),
    minimum: z.number().int().min(0).max(10_000),
    maximum: z.number().int().min(0).max(10_000),
    paused: z.boolean(),
    /** It decides and records what it would do, and changes nothing. */
    dryRun: z.boolean().optional(),
    /** A formula over the rules, such as `max(wait-goal, queue-size / 2)`. Absent: the largest need wins. */
    combine: z.string().max(500).optional(),
    hold: hold.optional(),
    learned: z.object({ serviceSeconds: estimate, bootSeconds: estimate, concurrency: estimate }),
    latest: point.optional(),
    /** Why the newest reading is unknown. */
    unknown: z.string().optional(),
    /** For whom a smaller number waits: "waiting for worker.5: 2 running, 8 min". */
    draining: z.string().optional(),
  })
  .openapi('Manager');

export const managerSettings = manager
  .pick({
    processType: true,
    rules: true,
    limits: true,
    meters: true,
    minimum: true,
    maximum: true,
    paused: true,
    dryRun: true,
    combine: true,
  })
  .partial({ limits: true, paused: true, rules: true, meters: true })
  .openapi('ManagerSettings');

export const managerChange = managerSettings
  .omit({ processType: true })
  .partial()
  .extend({ combine: z.string().max(500).nullable().optional() })
  .openapi('ManagerChange');

export const app = z
  .object({
    name: appName,
    /** Dots for who may not change the app. */
    token: z.string(),
    organisationId: z.string().optional(),
    url: z.string().optional(),
    fleet: choice,
    createdAt: z.number(),
    managers: z.array(manager),
    /** What its fleet wants to be known, as sentences: a limit that was met, another autoscaler that is on. */
    warnings: z.array(z.string()).optional(),
  })
  .openapi('App');

export const appSettings = z
  .object({ name: appName, url: z.url().max(2_000).optional(), fleet: choice.optional() })
  .openapi('AppSettings');

export const appChange = z
  .object({ url: z.url().max(2_000).nullable().optional(), fleet: choice.optional() })
  .openapi('AppChange');

/** What an info endpoint answers at this moment. */
export const infoTest = z
  .object({
    ok: z.boolean(),
    url: z.string(),
    status: z.number().optional(),
    milliseconds: z.number(),
    /** Process types with their value; null where the app could not tell. */
    entries: z.array(z.object({ name: z.string(), value: z.number().nullable() })),
    problem: z.string().optional(),
  })
  .openapi('InfoTest');

export const evaluation = z
  .object({
    app: appName,
    processType,
    readings: z.array(z.record(z.string(), z.unknown())),
    current: z.number(),
    desired: z.number(),
    unknown: z.boolean(),
    reasons: z.array(reason),
    sentence: z.string(),
  })
  .openapi('Evaluation', { description: 'Measured and decided now; nothing was changed or recorded.' });

/** What an app pushes here, to see whether it arrives and what it is worth. */
export const inbox = z
  .object({
    heard: z.array(
      z.object({
        dialect: z.enum(['hirefire-2', 'hirefire-1', 'judoscale', 'logplex']),
        agent: z.string().optional(),
        firstAt: z.number(),
        at: z.number(),
        count: z.number(),
      }),
    ),
    /** Process types with what was said of them over the last minute; an absent number was not said. */
    processTypes: z.array(
      z.object({
        name: z.string(),
        perSecond: z.number().optional(),
        queueTimeP95Ms: z.number().optional(),
        responseTimeP95Ms: z.number().optional(),
        failedPerSecond: z.number().optional(),
        jobs: z.number().optional(),
        latencySeconds: z.number().optional(),
        working: z.number().optional(),
        cpuPercent: z.number().optional(),
        load: z.number().optional(),
      }),
    ),
    /** How many numbers were dropped since the start, by reason. */
    dropped: z.record(z.string(), z.number()),
    /** True while a process of the app holds the lease to sample its job queues. */
    sampled: z.boolean(),
  })
  .openapi('Inbox');

const optionSpec = z.object({
  name: z.string(),
  label: z.string(),
  help: z.string(),
  type: z.enum(['number', 'text', 'boolean']),
  /** What a text means, where a form can offer more than a line. */
  format: z.enum(['week', 'time-zone']).optional(),
  unit: z.string().optional(),
  default: optionValue.optional(),
  optional: z.boolean().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  choices: z.array(z.string()).optional(),
  secret: z.boolean().optional(),
});

const adapter = z.object({
  use: z.string(),
  title: z.string(),
  help: z.string(),
  options: z.array(optionSpec),
});

export const adapters = z
  .object({
    meters: z.array(adapter),
    rules: z.array(adapter),
    limits: z.array(adapter),
    fleets: z.array(adapter),
    notifiers: z.array(adapter),
  })
  .openapi('Adapters', {
    description: 'Everything that can be chosen, with its options: forms are drawn from this.',
  });

export const roleName = z.enum(['read-only', 'member', 'admin', 'owner']);

export const me = z
  .object({
    loggedIn: z.boolean(),
    setUpNeeded: z.boolean(),
    name: z.string().optional(),
    email: z.string().optional(),
    /** The chosen one first: what is added goes there. */
    organisations: z.array(z.object({ id: z.string(), name: z.string(), role: roleName })).optional(),
  })
  .openapi('Me');

/** The data of a live event named `checkup`. */
export const checkupEvent = z
  .object({
    app: appName,
    processType,
    point,
    decision: decision.optional(),
    unknown: z.string().optional(),
    draining: z.string().optional(),
  })
  .openapi('CheckupEvent');

export type Problem = z.infer<typeof problem>;
export type Point = z.infer<typeof point>;
export type Reason = z.infer<typeof reason>;
export type Decision = z.infer<typeof decision>;
export type FoundDecision = z.infer<typeof foundDecision>;
export type Hold = z.infer<typeof hold>;
export type Choice = z.infer<typeof choice>;
export type Manager = z.infer<typeof manager>;
export type ManagerSettings = z.infer<typeof managerSettings>;
export type ManagerChange = z.infer<typeof managerChange>;
export type App = z.infer<typeof app>;
export type AppSettings = z.infer<typeof appSettings>;
export type AppChange = z.infer<typeof appChange>;
export type InfoTest = z.infer<typeof infoTest>;
export type Inbox = z.infer<typeof inbox>;
export type Evaluation = z.infer<typeof evaluation>;
export type OptionSpec = z.infer<typeof optionSpec>;
export type Adapter = z.infer<typeof adapter>;
export type Adapters = z.infer<typeof adapters>;
export type Me = z.infer<typeof me>;
export type CheckupEvent = z.infer<typeof checkupEvent>;
