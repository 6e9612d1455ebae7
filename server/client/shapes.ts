/**
 * The shapes that the API speaks. Made from the API document by generate.ts; to make it anew:
 * UPDATE_CLIENT=1 npx vitest run server/client
 */
// biome-ignore-all format: one line per entry

/** With name and password for who has no account yet. */
export type Acceptance = { token: string; name?: string; password?: string };

export type Account = { hasPassword: boolean; secondFactor: boolean; passkeys: { id: string; name?: string; createdAt?: number }[] };

/** Everything that can be chosen, with its options: forms are drawn from this. */
export type Adapters = { meters: { use: string; title: string; help: string; options: { name: string; label: string; help: string; type: "number" | "text" | "boolean"; format?: "week" | "time-zone"; unit?: string; default?: string | number | boolean; optional?: boolean; minimum?: number; maximum?: number; choices?: string[]; secret?: boolean }[] }[]; rules: { use: string; title: string; help: string; options: { name: string; label: string; help: string; type: "number" | "text" | "boolean"; format?: "week" | "time-zone"; unit?: string; default?: string | number | boolean; optional?: boolean; minimum?: number; maximum?: number; choices?: string[]; secret?: boolean }[] }[]; limits: { use: string; title: string; help: string; options: { name: string; label: string; help: string; type: "number" | "text" | "boolean"; format?: "week" | "time-zone"; unit?: string; default?: string | number | boolean; optional?: boolean; minimum?: number; maximum?: number; choices?: string[]; secret?: boolean }[] }[]; fleets: { use: string; title: string; help: string; options: { name: string; label: string; help: string; type: "number" | "text" | "boolean"; format?: "week" | "time-zone"; unit?: string; default?: string | number | boolean; optional?: boolean; minimum?: number; maximum?: number; choices?: string[]; secret?: boolean }[] }[]; notifiers: { use: string; title: string; help: string; options: { name: string; label: string; help: string; type: "number" | "text" | "boolean"; format?: "week" | "time-zone"; unit?: string; default?: string | number | boolean; optional?: boolean; minimum?: number; maximum?: number; choices?: string[]; secret?: boolean }[] }[] };

export type ApiKey = { id: string; name: string; start: string; role: "read-only" | "member" | "admin" | "owner"; by: string; createdAt: number; expiresAt?: number; usedAt?: number };

export type ApiKeySettings = { name: string; role: "read-only" | "member" | "admin" | "owner"; expiresInDays?: number };

export type App = { name: string; token: string; organisationId?: string; url?: string; fleet: Choice; createdAt: number; managers: Manager[]; warnings?: string[] };

export type AppChange = { url?: string | null; fleet?: Choice };

export type AppSettings = { name: string; url?: string; fleet?: Choice };

/** One change. `said` has it in plain words, with what it was made to. `before` and `after` hold what differs, secrets as dots. */
export type AuditEntry = { id: string; at: number; who: string; by: string; address: string; said: string; action: string; subject: string; before?: unknown; after?: unknown };

/** Newest first. `next` goes into `before` for the page after. */
export type AuditPage = { entries: AuditEntry[]; next?: string };

/** Where people are told. Secrets are shown as dots. */
export type Channel = ChannelSettings & { id: string; createdAt: number; sent?: { at: number; error?: string } };

export type ChannelChange = { name?: string; notifier?: Choice; tells?: Tells };

export type ChannelSettings = { name: string; notifier: Choice; tells: Tells };

export type CheckupEvent = { app: string; processType: string; point: Point; decision?: Decision; unknown?: string; draining?: string };

/** One configured adapter and its options by name. */
export type Choice = { use: string; options?: Record<string, string | number | boolean> };

/** What processes used and cost, from the recorded hours. */
export type Cost = { from: number; to: number; until: number; apps: { name: string; fleet: string; processTypes: { processType: string; hours: number; unknownHours: number; processHours: number; peak: number; alwaysOnHours: number; forecastHours?: number; money?: { pricePerHour: number; spent: number; alwaysOn: number; saved: number; forecast?: number }; days: (number | null)[] }[] }[] };

/** Who runs now. A process type that is not there has no manager. */
export type Crew = { at: number; letsGo: boolean; processTypes: { processType: string; countedAt?: number; unknown?: string; desired?: number; workers: { name: string; state: "starting" | "up" | "stopping" | "crashed"; since: number; jobs?: number; busy?: boolean; quietSince?: number; deaf?: string }[]; others: { name: string; jobs: number; quiet: boolean }[]; jobs: "told" | "silent" | "unasked" }[] };

export type Decision = { id: string; at: number; current: number; desired: number; unknown: boolean; reasons: Reason[]; sentence: string; outcome: "scaled" | "failed" | "dry-run" | "kept"; error?: string };

/** Newest first. `next` goes into `before` for the page after. */
export type Decisions = { decisions: Decision[]; next?: string };

/** Measured and decided now; nothing was changed or recorded. */
export type Evaluation = { app: string; processType: string; readings: (Record<string, unknown>)[]; current: number; desired: number; unknown: boolean; reasons: Reason[]; sentence: string };

/** A decision with the manager that it is about. */
export type FoundDecision = Decision & { app: string; processType: string };

/** Newest first. `next` goes into `before` for the page after. */
export type FoundDecisions = { decisions: FoundDecision[]; next?: string };

/** A secret option, where it stands, and what somebody believes it to be. */
export type HeldSecret = { app?: string; processType?: string; channel?: string; side: "fleets" | "meters" | "rules" | "limits" | "notifiers"; index: number; use: string; option: string; value: string };

export type Hold = { count: number; until?: number; by?: string };

export type Inbox = { heard: { dialect: "hirefire-2" | "hirefire-1" | "judoscale" | "logplex"; agent?: string; firstAt: number; at: number; count: number }[]; processTypes: { name: string; perSecond?: number; queueTimeP95Ms?: number; responseTimeP95Ms?: number; failedPerSecond?: number; jobs?: number; latencySeconds?: number; working?: number; cpuPercent?: number; load?: number }[]; dropped: Record<string, number>; sampled: boolean };

export type InfoTest = { ok: boolean; url: string; status?: number; milliseconds: number; entries: { name: string; value: number | null }[]; problem?: string };

export type Invitation = { id: string; email: string; role: "read-only" | "member" | "admin" | "owner"; invitedBy: string; createdAt: number; expiresAt: number };

export type InvitationLook = { organisation: string; email: string; role: "read-only" | "member" | "admin" | "owner"; hasAccount: boolean };

export type InvitationSettings = { email: string; role: "read-only" | "member" | "admin" | "owner" };

export type InvitationToken = { token: string };

/** What needs a person. Without `resolvedAt` it is open. */
export type Issue = { id: string; app: string; processType: string; kind: string; severity: "critical" | "warning" | "info"; title: string; text: string; todo: string; since: number; openedAt: number; seenAt: number; resolvedAt?: number };

/** Newest first. `next` goes into `before` for the page after. */
export type Issues = { issues: Issue[]; next?: string };

/** Without `singleSignOn` there is none; else what its button says. */
export type LogInWays = { singleSignOn?: string; resetByMail: boolean };

export type Manager = { processType: string; rules: Choice[]; limits: Choice[]; meters: Choice[]; minimum: number; maximum: number; paused: boolean; dryRun?: boolean; combine?: string; hold?: Hold; learned: { serviceSeconds: { value: number; observations: number }; bootSeconds: { value: number; observations: number }; concurrency: { value: number; observations: number } }; latest?: Point; unknown?: string; draining?: string };

export type ManagerChange = { rules?: Choice[]; limits?: Choice[]; meters?: Choice[]; minimum?: number; maximum?: number; paused?: boolean; dryRun?: boolean; combine?: string | null };

export type ManagerSettings = { processType: string; rules?: Choice[]; limits?: Choice[]; meters?: Choice[]; minimum: number; maximum: number; paused?: boolean; dryRun?: boolean; combine?: string };

export type Me = { loggedIn: boolean; setUpNeeded: boolean; name?: string; email?: string; organisations?: { id: string; name: string; role: "read-only" | "member" | "admin" | "owner" }[] };

export type Member = { id: string; name: string; email: string; role: "read-only" | "member" | "admin" | "owner"; joinedAt: number; secondFactor: boolean; isYou: boolean };

export type MemberChange = { role: "read-only" | "member" | "admin" | "owner" };

/** `secret` is shown once. */
export type NewApiKey = ApiKey & { secret: string };

/** `token` is for the link `/join#token=…`; it is shown once. */
export type NewInvitation = Invitation & { token: string; mailed: boolean };

/** With the role that you have in it. */
export type Organisation = { id: string; name: string; role: "read-only" | "member" | "admin" | "owner" };

export type OrganisationSettings = { name: string };

/** Every app with its managers at this moment, in one answer. */
export type Overview = { from: number; apps: { name: string; fleet: string; warnings?: string[]; managers: OverviewManager[]; today?: PartlyKnown; openIssues: number }[] };

export type OverviewManager = { processType: string; minimum: number; maximum: number; paused: boolean; dryRun?: boolean; hold?: Hold; latest?: Point; unknown?: string; draining?: string; measured: boolean; goalSeconds?: number };

export type PartlyKnown = { spent: number; unpriced: string[]; unknownHours: number };

/** One checkup, or a roll-up of several. An absent number was unknown, never zero. */
export type Point = { at: number; waiting?: number; running?: number; later?: number; oldestSeconds?: number; slots?: number; current: number; desired: number; unknown: number };

export type Problem = { type: string; title: string; status: number; code: string; detail: string };

export type Reason = { by: string; from: number; to: number; text: string };

export type SentAgain = { id: string; task: string; queue: string };

/** Oldest first, at most 2,000 points, the finest grain that fits. */
export type Series = { grain: "raw" | "minute" | "hour"; points: Point[] };

export type Session = { id: string; createdAt: number; expiresAt: number; address?: string; agent?: string; isCurrent: boolean };

export type SetUp = { token: string; name: string; email: string; password: string };

export type SetupGuide = { address: string; warning?: string; commands: { title: string; text: string; why: string }[]; libraries: { language: "node" | "ruby" | "python" | "other"; framework: string; title: string; install: string; file: string; code: string }[] };

export type TaskFailure = { at: number; task: string; queue: string; id: string; worker: string; error: string };

/** Oldest first, at most 2,000 points. A minute or hour in which nothing was heard is absent. */
export type TaskSeries = { grain: "minute" | "hour"; points: { at: number; received: number; succeeded: number; failed: number; retried: number; revoked: number; runMs?: TaskTimes & { mean: number }; waitMs?: TaskTimes }[] };

/** Milliseconds; at most 5 % above the truth. */
export type TaskTimes = { count: number; p50: number; p95: number; p99: number };

export type TaskTotals = { task: string; queue: string; received: number; succeeded: number; failed: number; retried: number; revoked: number; runMs?: TaskTimes & { mean: number }; waitMs?: TaskTimes; perSecond: number; apdex?: number };

/** Those that took most of the workers’ time first; failures newest first. */
export type Tasks = { grain: "minute" | "hour"; from: number; to: number; satisfiedMs: number; tasks: TaskTotals[]; failures: TaskFailure[] };

/** Of what a channel tells. Without `apps`: of all. */
export type Tells = { opened?: boolean; resolved?: boolean; scaled?: boolean; leastSeverity?: "critical" | "warning" | "info"; apps?: string[]; groupSeconds?: number; quiet?: { from: string; to: string; timeZone: string } };

/** Recorded work, played under the present and under the changed settings. Nothing is saved. */
export type WhatIfAnswer = { played?: WhatIfPlayed; why?: string };

/** What the recorded work comes to under some settings. */
export type WhatIfOutcome = { jobs: number; processHours: number; withinGoals: number[]; p95Seconds: number; longestSeconds: number; mostProcesses: number; changes: number };

export type WhatIfPlayed = { from: number; to: number; playedSeconds: number; unknownSeconds: number; goalsSeconds: number[]; pricePerHour?: number; recorded: { processHours: number; mostProcesses: number; longestSeconds?: number }; present: WhatIfOutcome; changed: WhatIfOutcome; stepSeconds: number; steps: { at: number; present: number; changed: number; recorded?: number }[]; trust: "good" | "fair" | "poor"; notes: string[] };
