/** Entries of a beat at run time: seen and changed from any program on the same broker, also while a beat runs. */
import { TasksError } from '../errors.ts';
import {
  checkEntry,
  type EntryFields,
  type EntryOptions,
  type EntryRecord,
  newRecord,
  parseRecord,
  plan,
  resumed,
  withFields,
} from './entry.ts';
import type { Sun } from './solar.ts';
import type { BeatStore } from './store.ts';

/** Times are milliseconds since the epoch. */
export interface Entry extends EntryFields {
  readonly name: string;
  readonly paused: boolean;
  /** Declared by the code of the beat, or added at run time. */
  readonly origin: 'code' | 'added';
  /** The slot of its last run; undefined: it has not run yet. */
  readonly lastRunMs: number | undefined;
  readonly totalRuns: number;
  /** Undefined: it is paused, or there is no next time. */
  readonly nextRunMs: number | undefined;
}

export interface BeatEntries {
  /** By name. */
  list(): Promise<Entry[]>;
  /** Adds an entry. @throws TasksError OPTION_INVALID when the name is taken */
  add(name: string, entry: EntryOptions): Promise<void>;
  /** Changes what is given, and leaves the rest. Lasts until the code of this very entry changes. */
  change(name: string, changes: Partial<EntryOptions>): Promise<void>;
  remove(name: string): Promise<void>;
  /** Slots that pass meanwhile are not missed: after `resume` it goes on with the next one. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
}

/** Whoever changes an entry at the same moment is a person or a run; both are rare. */
const mostTries = 20;

export function createEntries(
  store: () => Promise<BeatStore>,
  now: () => number,
  sunFor: (fields: readonly EntryFields[]) => Promise<Sun | undefined>,
): BeatEntries {
  const edit = (name: string, change: Change): Promise<void> => editRecord(store, name, change);
  return {
    list: async () => {
      const records = [...(await (await store()).read())].flatMap(([name, text]): [string, EntryRecord][] => {
        const record = parseRecord(text);
        return record && !record.removed ? [[name, record]] : [];
      });
      const sun = await sunFor(records.map(([, { fields }]) => fields));
      return records
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, record]) => shown(name, record, now(), sun));
    },
    add: async (name, entry) => {
      const fields = checkEntry(name, entry);
      await sunFor([fields]);
      await edit(name, (record) => {
        if (record && !record.removed) throw taken(name);
        return { ...newRecord(fields, now()), ...(record?.declared ? { declared: record.declared } : {}) };
      });
    },
    change: (name, changes) =>
      edit(name, (record, names) => {
        const known = existing(record, name, names);
        return withFields(known, checkEntry(name, { ...known.fields, ...changes }), now());
      }),
    remove: (name) =>
      edit(name, (record, names) => {
        const known = existing(record, name, names);
        // What code declares would come back at the next start.
        return known.declared === undefined ? undefined : { ...known, removed: true };
      }),
    pause: (name) => edit(name, (record, names) => ({ ...existing(record, name, names), paused: true })),
    resume: (name) =>
      edit(name, (record, names) => {
        const known = existing(record, name, names);
        return known.paused ? resumed(known, now()) : known;
      }),
  };
}

type Change = (record: EntryRecord | undefined, names: readonly string[]) => EntryRecord | undefined;

async function editRecord(store: () => Promise<BeatStore>, name: string, change: Change): Promise<void> {
  const opened = await store();
  for (let tries = 0; tries < mostTries; tries++) {
    const texts = await opened.read();
    const from = texts.get(name);
    const names = [...texts.keys()].sort();
    const changed = change(from === undefined ? undefined : parseRecord(from), names);
    const to = changed && JSON.stringify(changed);
    if (to === from || (await opened.swap({ name, from, to })) === 'done') return;
  }
  throw new TasksError(
    'BROKER_BUSY',
    `Entry "${name}" was not changed`,
    `it was changed by others ${mostTries} times meanwhile`,
    'Try again',
  );
}

function shown(name: string, record: EntryRecord, nowMs: number, sun: Sun | undefined): Entry {
  const { fire, nextMs } = plan(record, nowMs, sun);
  return {
    ...record.fields,
    name,
    paused: record.paused,
    origin: record.declared === undefined ? 'added' : 'code',
    lastRunMs: record.lastRunMs ?? undefined,
    totalRuns: record.totalRuns,
    nextRunMs: fire.length > 0 ? nowMs : nextMs,
  };
}

function existing(record: EntryRecord | undefined, name: string, names: readonly string[]): EntryRecord {
  if (record && !record.removed) return record;
  throw new TasksError(
    'OPTION_INVALID',
    `There is no entry "${name}"`,
    names.length === 0 ? 'this beat has none yet' : `it has ${names.slice(0, 20).join(', ')}`,
    'Check its name, and the name of the beat',
  );
}

function taken(name: string): TasksError {
  return new TasksError(
    'OPTION_INVALID',
    `There is an entry "${name}" already`,
    'a name can mean one only',
    'Give another name, or use change()',
  );
}
