/** The tables as kysely sees them; `migrations/` makes them. Times are milliseconds since the Unix epoch. */
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';
import type { Choice, Histogram, Hold, Learned, Reading, Reason } from '../decide/words.ts';
import type { Role, Severity, StoredDecision, Tells } from './store.ts';
import type { SealedChoice } from './vault.ts';

export type StoreKind = 'embedded' | 'postgres';

export interface Database {
  apps: AppTable;
  managers: ManagerTable;
  points: PointTable;
  point_minutes: RollUpTable;
  point_hours: RollUpTable;
  roll_ups: ProgressTable;
  decisions: DecisionTable;
  issues: IssueTable;
  channels: ChannelTable;
  task_parts: TaskPartTable;
  task_failures: TaskFailureTable;
  settings: { key: string; value: string };
  organisations: { id: GeneratedAlways<number>; name: string; created_at: number };
  members: MemberTable;
  invitations: InvitationTable;
  audit: AuditTable;
  login_failures: { account: string; failures: number; since: number };
  controllers: ControllerTable;
  leases: LeaseTable;
  schema_migrations: MigrationTable;
}

/** Read as the value, written as JSON text. */
type Json<T> = ColumnType<T, string, string>;

/** Not null: the database refuses what was not a finite number. */
type Certain = ColumnType<number, number | null>;

export interface AppTable {
  id: GeneratedAlways<number>;
  name: string;
  token: string;
  url: string | null;
  fleet: Json<Choice | SealedChoice>;
  created_at: number;
  organisation_id: Generated<number>;
}

export interface ManagerTable {
  id: GeneratedAlways<number>;
  app_id: number;
  process_type: string;
  rules: Json<Choice[]>;
  limits: Json<Choice[]>;
  meters: Json<(Choice | SealedChoice)[]>;
  minimum: number;
  maximum: number;
  paused: boolean;
  dry_run: Generated<boolean>;
  hold: ColumnType<Hold | null, string | null | undefined, string | null>;
  combine: ColumnType<string | null, string | null | undefined, string | null>;
  learned: Json<Learned>;
  config_hash: string | null;
  created_at: number;
}

export interface PointTable {
  manager_id: number;
  at: number;
  waiting: number | null;
  running: number | null;
  later: number | null;
  oldest_seconds: number | null;
  slots: number | null;
  current: Certain;
  desired: Certain;
  unknown: number;
  readings: Json<Reading[]>;
}

export interface RollUpTable {
  manager_id: number;
  at: number;
  checkups: number;
  waiting_sum: number | null;
  waiting_known: number;
  running_sum: number | null;
  running_known: number;
  later_sum: number | null;
  later_known: number;
  slots_sum: number | null;
  slots_known: number;
  oldest_seconds: number | null;
  current_sum: number;
  desired_sum: number;
  unknown_sum: number;
}

export interface ProgressTable {
  grain: 'raw' | 'minute' | 'hour';
  done_until: Generated<number>;
  forgotten_until: Generated<number>;
}

export interface DecisionTable {
  id: GeneratedAlways<number>;
  manager_id: number;
  at: number;
  current: Certain;
  desired: Certain;
  unknown: boolean;
  reasons: Json<Reason[]>;
  sentence: string;
  outcome: StoredDecision['outcome'];
  error: string | null;
}

export interface IssueTable {
  id: GeneratedAlways<number>;
  manager_id: number;
  kind: string;
  severity: Severity;
  title: string;
  text: string;
  since: number;
  opened_at: number;
  seen_at: number;
  resolved_at: number | null;
}

export interface ChannelTable {
  id: GeneratedAlways<number>;
  name: string;
  notifier: Json<Choice | SealedChoice>;
  tells: Json<Tells>;
  created_at: number;
  organisation_id: Generated<number>;
}

export interface TaskPartTable {
  app_id: number;
  grain: 'minute' | 'hour';
  at: number;
  task: string;
  queue: string;
  received: number;
  succeeded: number;
  failed: number;
  retried: number;
  revoked: number;
  run_ms_sum: number;
  run_ms: Json<Histogram>;
  wait_ms: Json<Histogram>;
}

export interface TaskFailureTable {
  id: GeneratedAlways<number>;
  app_id: number;
  at: number;
  task: string;
  queue: string;
  task_id: string;
  worker: string;
  error: string;
}

export interface ControllerTable {
  id: string;
  url: string;
  until: Date;
}

export interface LeaseTable {
  app_id: number;
  owner: string | null;
  fence: number;
  until: Date;
}

export interface MemberTable {
  organisation_id: number;
  person_id: string;
  role: Role;
  joined_at: number;
  chosen_at: Generated<number>;
}

export interface InvitationTable {
  id: GeneratedAlways<number>;
  organisation_id: number;
  email: string;
  role: Role;
  token_hash: string;
  invited_by: string;
  created_at: number;
  expires_at: number;
}

export interface AuditTable {
  id: GeneratedAlways<number>;
  organisation_id: number;
  at: number;
  who: string;
  by_means_of: string;
  address: string;
  action: string;
  subject: string;
  before: ColumnType<unknown, string | null, never>;
  after: ColumnType<unknown, string | null, never>;
}

export interface MigrationTable {
  number: number;
  name: string;
  checksum: string;
  applied_at: number;
}
