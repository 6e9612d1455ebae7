/**
 * What the controller remembers. One file of SQL per noun stands beside this one; this is what they offer together.
 *
 * The embedded store is PGlite in a folder; with DATABASE_URL it is PostgreSQL. Both speak the same SQL, so there is one
 * implementation. A promise that has resolved means that the row survives kill -9 of the controller.
 */
import type { Choice, Decision, Histogram, Hold, Learned, Manager, Reading } from '../decide/words.ts';
import type { Channels } from './channel.ts';
import type { History } from './history.ts';
import type { Settings } from './settings.ts';

export type { Channel, Channels, Quiet, Tells } from './channel.ts';
export type { Settings } from './settings.ts';

export interface Store {
  readonly apps: Apps;
  readonly managers: Managers;
  readonly readings: Readings;
  readonly decisions: Decisions;
  readonly history: History;
  readonly issues: Issues;
  readonly channels: Channels;
  readonly settings: Settings;
  readonly tasks: Tasks;
  readonly organisations: Organisations;
  readonly audit: Audit;
  /** Folds old readings into minutes and hours and forgets what is past its time. Bounded work per call. */
  tidy(now: number): Promise<void>;
  close(): Promise<void>;
}

export interface App {
  readonly id: string;
  /** Unique; lower-case letters, digits and hyphens; it stands in addresses. */
  readonly name: string;
  /** Secret; the app's info endpoint answers to it. */
  readonly token: string;
  /** Base address of the app's web process, without a trailing slash. Absent: it has none to ask. */
  readonly url?: string;
  readonly fleet: Choice;
  readonly createdAt: number;
  readonly organisationId: string;
}

export interface Apps {
  list(): Promise<App[]>;
  /** By its name. */
  get(name: string): Promise<App | undefined>;
  /** Without an organisation: for the first. @throws HeadcountError NAME_TAKEN */
  create(app: Omit<App, 'id' | 'organisationId'> & { readonly organisationId?: string }): Promise<App>;
  /** `url: null` takes the address away. @throws HeadcountError NOT_FOUND */
  update(id: string, change: AppChange): Promise<App>;
  /** With its managers and their history. */
  remove(id: string): Promise<void>;
}

export type AppChange = Partial<Pick<App, 'fleet' | 'token'>> & { readonly url?: string | null };

export interface StoredManager extends Manager {
  readonly id: string;
  readonly appId: string;
  readonly meters: readonly Choice[];
  readonly learned: Learned;
  /** SHA-256 of the configuration file's entry that this was last set from; a person's later edits keep it. */
  readonly configHash?: string;
  readonly createdAt: number;
}

export type ManagerSettings = Pick<
  StoredManager,
  'processType' | 'rules' | 'limits' | 'minimum' | 'maximum' | 'paused' | 'meters' | 'combine' | 'dryRun'
>;

/** `hold: null` ends a hold; `combine: null` lets the largest need win. */
export type ManagerChange = Partial<Omit<ManagerSettings, 'processType' | 'combine'>> & {
  readonly combine?: string | null;
  readonly hold?: Hold | null;
  readonly learned?: Learned;
  readonly configHash?: string;
};

export interface Managers {
  list(appId: string): Promise<StoredManager[]>;
  /** Of all apps, or of these, by the id of their app. */
  byApp(appIds?: readonly string[]): Promise<Map<string, StoredManager[]>>;
  get(appId: string, processType: string): Promise<StoredManager | undefined>;
  /** @throws HeadcountError NAME_TAKEN */
  create(
    appId: string,
    settings: ManagerSettings & { configHash?: string },
    now: number,
  ): Promise<StoredManager>;
  update(id: string, change: ManagerChange): Promise<StoredManager>;
  remove(id: string): Promise<void>;
}

/** One checkup of one manager, as it is charted. Sums over its queues; an absent number was unknown. */
export interface Point {
  readonly at: number;
  readonly waiting?: number;
  readonly running?: number;
  readonly later?: number;
  readonly oldestSeconds?: number;
  readonly slots?: number;
  /** Processes that exist and are not stopping. */
  readonly current: number;
  readonly desired: number;
  /** Share of the checkups behind this point with an unknown reading, 0 to 1. */
  readonly unknown: number;
}

/** How much time one point stands for: one checkup, or a roll-up. Raw is kept 6 hours, minutes 7 days, hours 400 days. */
export type Grain = 'raw' | 'minute' | 'hour';

export interface Checkup {
  readonly managerId: string;
  readonly point: Point;
  readonly readings: readonly Reading[];
}

export interface Readings {
  record(managerId: string, point: Point, readings: readonly Reading[]): Promise<void>;
  /** All or nothing, in one statement. Those of managers that are gone are left out. */
  recordMany(checkups: readonly Checkup[]): Promise<void>;
  /**
   * Oldest first, `from` included, `to` excluded, at most 2,000 points; the finest grain that fits unless named, in
   * steps of several where more would come out.
   */
  series(
    managerId: string,
    from: number,
    to: number,
    grain?: Grain,
  ): Promise<{ grain: Grain; points: Point[] }>;
  /** The last raw samples, oldest first, with every reading as it was: what a restarted controller decides from. */
  recent(managerId: string, from: number): Promise<{ at: number; readings: Reading[] }[]>;
  /** The newest point of each manager. */
  latest(managerIds: readonly string[]): Promise<Map<string, Point>>;
}

export interface StoredDecision extends Decision {
  readonly id: string;
  readonly managerId: string;
  readonly sentence: string;
  /** `scaled`: the fleet accepted it; `failed`: it refused, see `error`; `dry-run`: nobody was asked. */
  readonly outcome: 'scaled' | 'failed' | 'dry-run' | 'kept';
  readonly error?: string;
}

export interface Decisions {
  record(decision: Omit<StoredDecision, 'id'>): Promise<StoredDecision>;
  /**
   * Later than they were made: one that is there already, since its answer was lost, and those of managers that are gone are
   * left out.
   */
  recordLate(decisions: readonly Omit<StoredDecision, 'id'>[]): Promise<void>;
  /** Newest first. `before` is the id of the last one seen. */
  list(managerId: string, page: { limit: number; before?: string }): Promise<StoredDecision[]>;
  /** Of all managers, newest first. */
  search(wanted: DecisionSearch): Promise<(StoredDecision & ManagerNames)[]>;
  /** Oldest first: what a restarted controller needs for cooldowns. */
  recent(managerId: string, from: number): Promise<Decision[]>;
}

export interface ManagerNames {
  readonly app: string;
  readonly processType: string;
}

export interface DecisionSearch {
  readonly limit: number;
  readonly before?: string;
  readonly appId?: string;
  /** Absent: of all organisations. */
  readonly organisationIds?: readonly string[];
  readonly processType?: string;
  readonly outcome?: StoredDecision['outcome'];
  /** `changes`: another number was wanted than there was. `failures`: the fleet refused. */
  readonly only?: 'changes' | 'failures';
  /** Milliseconds since the Unix epoch; included. */
  readonly from?: number;
}

export type Severity = 'critical' | 'warning' | 'info';

/** What needs a person. */
export interface IssueDraft {
  /** As server/issues.ts lists them; one of a kind is open at a time per manager. */
  readonly kind: string;
  readonly severity: Severity;
  readonly title: string;
  readonly text: string;
  /** Since when its condition holds; it was opened later, when that had lasted. */
  readonly since: number;
  readonly openedAt: number;
  readonly seenAt: number;
}

export interface StoredIssue extends IssueDraft {
  readonly id: string;
  readonly managerId: string;
  /** Absent: it is open. */
  readonly resolvedAt?: number;
}

export interface Issues {
  /** One that is open already is brought up to date instead. */
  open(managerId: string, issue: IssueDraft): Promise<StoredIssue>;
  /** Answers the one that was open. */
  resolve(managerId: string, kind: string, at: number): Promise<StoredIssue | undefined>;
  /** Newest first. `before` is the id of the last one seen; without an app or manager those of all. */
  list(page: {
    readonly limit: number;
    readonly before?: string;
    readonly appId?: string;
    readonly managerId?: string;
    /** Absent: of all organisations. */
    readonly organisationIds?: readonly string[];
    readonly open?: boolean;
  }): Promise<(StoredIssue & { readonly app: string; readonly processType: string })[]>;
}

/** What happened to one task name of one queue within a minute or an hour. */
export interface TaskPart {
  readonly task: string;
  /** Several names with commas where nobody knew which of them. */
  readonly queue: string;
  /** Where the minute or hour begins. */
  readonly at: number;
  readonly received: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retried: number;
  readonly revoked: number;
  readonly runMs: Histogram;
  readonly runMsSum: number;
  readonly waitMs: Histogram;
}

export interface StoredFailure {
  readonly at: number;
  readonly task: string;
  readonly queue: string;
  readonly id: string;
  readonly worker: string;
  readonly error: string;
}

/** Minutes are kept 7 days, hours 400, and of failures the last 200 of each app. */
export interface Tasks {
  /** Added to what is there. @throws HeadcountError NOT_FOUND */
  record(
    appId: string,
    seen: { readonly parts: readonly TaskPart[]; readonly failures: readonly StoredFailure[] },
  ): Promise<void>;
  /** Oldest first, `to` excluded; minutes for a day at most unless named, else hours. At most 20,000, the newest. */
  parts(
    appId: string,
    from: number,
    to: number,
    of?: { readonly task?: string; readonly queue?: string; readonly grain?: 'minute' | 'hour' },
  ): Promise<{ grain: 'minute' | 'hour'; parts: TaskPart[] }>;
  /** Newest first. */
  failures(appId: string, limit: number): Promise<StoredFailure[]>;
}

/** From least to most: each may do what those before it may. */
export type Role = 'read-only' | 'member' | 'admin' | 'owner';

export interface Membership {
  readonly organisationId: string;
  readonly name: string;
  readonly role: Role;
}

export interface Invitation {
  readonly id: string;
  readonly organisationId: string;
  /** In lower case. */
  readonly email: string;
  readonly role: Role;
  readonly invitedBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** To whom apps belong. The first one, with the id 1, is there from the start and is the one that runs the controller. */
export interface Organisations {
  list(): Promise<{ readonly id: string; readonly name: string }[]>;
  create(name: string, ownerId: string, now: number): Promise<{ readonly id: string; readonly name: string }>;
  rename(id: string, name: string): Promise<void>;
  /** Of a person; the one that was chosen last comes first. */
  memberships(personId: string): Promise<Membership[]>;
  members(id: string): Promise<{ personId: string; role: Role; joinedAt: number }[]>;
  /** Nothing changes for somebody who is a member already. */
  join(id: string, personId: string, role: Role, now: number): Promise<void>;
  /** @throws HeadcountError LAST_OWNER, NOT_FOUND */
  setRole(id: string, personId: string, role: Role): Promise<void>;
  /** @throws HeadcountError LAST_OWNER, NOT_FOUND */
  leave(id: string, personId: string): Promise<void>;
  choose(id: string, personId: string, now: number): Promise<void>;
  /** Takes the place of an earlier one to the same address. */
  invite(invitation: Omit<Invitation, 'id'> & { readonly tokenHash: string }): Promise<Invitation>;
  invitations(id: string): Promise<Invitation[]>;
  /** The one of this link, unless it has ended. */
  invitation(tokenHash: string, now: number): Promise<Invitation | undefined>;
  /** @throws HeadcountError NOT_FOUND */
  withdraw(id: string, invitationId: string): Promise<void>;
  /** Uses it up and makes the person a member; nothing when there is none any more. */
  accept(tokenHash: string, personId: string, now: number): Promise<Invitation | undefined>;
}

export interface AuditEntry {
  readonly id: string;
  readonly organisationId: string;
  readonly at: number;
  /** Name and e-mail of the person, or the name of the key. */
  readonly who: string;
  /** By means of what: `session`, `key`, or `local` for the command line of the controller's machine. */
  readonly by: string;
  /** Address of the other end. */
  readonly address: string;
  /** Method and path as the API document has them: `PATCH /api/apps/{app}`. */
  readonly action: string;
  /** The path as it was called. */
  readonly subject: string;
  /** What was changed, secrets as dots; absent where it was made, or removed, or cannot be told. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Kept 400 days, and the newest 100,000 of each organisation. */
export interface Audit {
  record(entry: Omit<AuditEntry, 'id'>): Promise<void>;
  /** Newest first. `before` is the id of the last one seen. */
  list(
    organisationIds: readonly string[],
    page: { readonly limit: number; readonly before?: string },
  ): Promise<AuditEntry[]>;
  forget(until: number): Promise<void>;
  /** Counts one failed log-in of an account within a span that begins with the first. */
  loginFailed(account: string, now: number, spanMs: number): Promise<void>;
  /** How many failed in a span that began at `from` or later. */
  loginFailures(account: string, from: number): Promise<number>;
  loginWorked(account: string): Promise<void>;
}
