/**
 * An entry of a beat: what is sent when, and how far it has come. What code declares and what was changed at run time live
 * in one record. The rule between them: a change at run time lasts until the code of that entry itself changes; then the
 * code counts again. (Letting code win at every start, as Celery's shelve does, would undo in a deploy what somebody did
 * at night to stop the bleeding.)
 */
import { createHash } from 'node:crypto';
import { TasksError } from '../errors.ts';
import type { SendOptions } from '../task.ts';
import { checkSchedule, nextRun, type Schedule, slotsBetween } from './schedule.ts';
import type { Sun } from './solar.ts';

/** What became of slots that came while no beat ran: one run for all of them, none, or one for each of the last 100. */
export type MissedPolicy = 'once' | 'skip' | 'all';

export interface EntryOptions {
  /** The name of a task, or the task itself. */
  readonly task: string | { readonly name: string };
  /** Made by crontab(), every() or solar(); a number is seconds. */
  readonly schedule: Schedule | number;
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** As of applyAsync; times must be relative: `countdown`, and `expires` in seconds. */
  readonly options?: Omit<SendOptions, 'id' | 'eta' | 'kwargs' | 'expires'> & { readonly expires?: number };
  /** Default `once`, which is what Celery does. */
  readonly missed?: MissedPolicy;
  /** A slot is missed when it is later than this. Only for `skip`. Default 60. */
  readonly missedAfterSeconds?: number;
}

/** The part of a record that a person may change. */
export interface EntryFields {
  readonly task: string;
  readonly schedule: Schedule;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: NonNullable<EntryOptions['options']>;
  readonly missed: MissedPolicy;
  readonly missedAfterSeconds: number;
}

/** As it is kept. Times are milliseconds since the epoch. */
export interface EntryRecord {
  readonly fields: EntryFields;
  /** The fingerprint of its code; absent when it was added at run time. */
  readonly declared?: string;
  readonly paused: boolean;
  /** Removed at run time, though code declares it. */
  readonly removed: boolean;
  /** Slots up to this one are done with. */
  readonly slotMs: number;
  readonly lastRunMs: number | null;
  readonly totalRuns: number;
}

const policies: readonly string[] = ['once', 'skip', 'all'];
const defaultMissedAfterSeconds = 60;
export const mostMissedCount = 100;

/** @throws TasksError OPTION_INVALID */
export function checkEntry(name: string, given: EntryOptions): EntryFields {
  const task = typeof given.task === 'string' ? given.task : given.task?.name;
  if (typeof name !== 'string' || name.trim() === '') invalid('the name of an entry', name, 'a text');
  if (typeof task !== 'string' || task === '') invalid(`the task of entry "${name}"`, task, 'a name');
  if (!policies.includes(given.missed ?? 'once'))
    invalid(`missed of entry "${name}"`, given.missed, policies.join(', '));
  const late = given.missedAfterSeconds ?? defaultMissedAfterSeconds;
  if (!(late >= 0)) invalid(`missedAfterSeconds of entry "${name}"`, late, 'a number from 0');
  const fields: EntryFields = {
    task,
    schedule: checkSchedule(given.schedule),
    args: given.args ?? [],
    kwargs: given.kwargs ?? {},
    options: given.options ?? {},
    missed: given.missed ?? 'once',
    missedAfterSeconds: late,
  };
  try {
    JSON.stringify(fields);
    return fields;
  } catch (error) {
    return invalid(`an argument of entry "${name}"`, error, 'what JSON can hold');
  }
}

/** A new entry counts its slots from now, as in Celery. */
export function newRecord(fields: EntryFields, nowMs: number, declared?: string): EntryRecord {
  const start = { paused: false, removed: false, slotMs: nowMs, lastRunMs: null, totalRuns: 0 };
  return { fields, ...start, ...(declared === undefined ? {} : { declared }) };
}

/** With other fields. Slots of a new schedule count from now: those that it would have had are nothing missed. */
export function withFields(record: EntryRecord, fields: EntryFields, nowMs: number): EntryRecord {
  const same = JSON.stringify(record.fields.schedule) === JSON.stringify(fields.schedule);
  return { ...record, fields, slotMs: same ? record.slotMs : Math.max(record.slotMs, nowMs) };
}

export function fingerprint(fields: EntryFields): string {
  return createHash('sha256').update(JSON.stringify(fields)).digest('base64url').slice(0, 22);
}

/** What the record becomes by what code says: undefined stays as it is. */
export function declare(
  record: EntryRecord | undefined,
  fields: EntryFields,
  nowMs: number,
): EntryRecord | undefined {
  const declared = fingerprint(fields);
  if (!record) return newRecord(fields, nowMs, declared);
  if (record.declared === declared) return undefined;
  return { ...withFields(record, fields, nowMs), declared, removed: false };
}

/** More than the clocks of two machines differ when all is well. */
const mostAheadMs = 60_000;

/** Whether slots are done with that have not come yet by this clock. */
export function isAhead({ slotMs }: EntryRecord, nowMs: number): boolean {
  return slotMs > nowMs + mostAheadMs;
}

/** With the next slot after now. A slot that a wrong clock has run long before its time does not count any more. */
export function resumed(record: EntryRecord, nowMs: number): EntryRecord {
  const slotMs = isAhead(record, nowMs) ? nowMs : Math.max(record.slotMs, nowMs);
  return { ...record, paused: false, slotMs };
}

/** Undefined for what is no record of ours. */
export function parseRecord(text: string): EntryRecord | undefined {
  try {
    const value = JSON.parse(text) as EntryRecord;
    if (!Number.isFinite(value.slotMs) || typeof value.fields.task !== 'string') return undefined;
    return { ...value, fields: { ...value.fields, schedule: checkSchedule(value.fields.schedule) } };
  } catch {
    return undefined;
  }
}

/** What is to be done for an entry now. */
export interface Plan {
  /** Each is sent once, in this order. */
  readonly fire: readonly number[];
  /** Where the entry stands after that; undefined: nothing has come. */
  readonly slotMs: number | undefined;
  /** When to look again; undefined: never. */
  readonly nextMs: number | undefined;
}

/** Pure: which slots an entry fires now, by its policy for missed ones. */
export function plan({ fields, slotMs, paused, removed }: EntryRecord, nowMs: number, sun?: Sun): Plan {
  if (paused || removed) return { fire: [], slotMs: undefined, nextMs: undefined };
  const { schedule, missed } = fields;
  const first = nextRun(schedule, slotMs, sun);
  if (first === undefined || first > nowMs) return { fire: [], slotMs: undefined, nextMs: first };
  const slots = slotsBetween(schedule, slotMs, nowMs, missed === 'all' ? mostMissedCount : 1, sun);
  const last = slots.at(-1) ?? first;
  const tooLate = missed === 'skip' && nowMs - last > fields.missedAfterSeconds * 1000;
  return { fire: tooLate ? [] : slots, slotMs: last, nextMs: nextRun(schedule, last, sun) };
}

function invalid(name: string, value: unknown, wanted: string): never {
  throw new TasksError(
    'OPTION_INVALID',
    `${name} is ${String(value).slice(0, 80)}`,
    `it must be ${wanted}`,
    'Change the entry',
  );
}
