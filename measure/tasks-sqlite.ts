/**
 * Measures one queue of the embedded broker of @headcount/tasks, the file of a `sqlite:` address. This file opens it,
 * and reopens it when it was deleted and made anew; tasks-count.ts reads the numbers. Looking never writes: an app that has
 * not published yet has no file, and a meter must not make an empty one that looks like an idle queue.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type Libsql from 'libsql';
import { HeadcountError } from '../decide/errors.ts';
import { unknown } from './look.ts';
import type { MeterKind } from './meter.ts';
import { jobsInFile } from './tasks-count.ts';
import { tasksWorkers } from './tasks-workers.ts';

/** PRAGMA user_version of the files that this meter knows; @headcount/tasks writes it. */
const knownVersion = 1;

export const tasksSqlite: MeterKind = {
  use: 'tasks-sqlite',
  title: '@headcount/tasks on SQLite',
  help: 'Counts the jobs of a queue in the file of an embedded sqlite: broker exactly, with running jobs and slots.',
  options: [
    {
      name: 'file',
      label: 'File',
      help: 'Path of the broker file: what follows "sqlite:" in the address that the app gives to createApp.',
      type: 'text',
    },
    { name: 'queue', label: 'Queue', help: 'The name of the queue.', type: 'text', default: 'celery' },
    {
      name: 'counts',
      label: 'Count the jobs',
      help: 'No: it only speaks with the workers, where another meter of the manager counts the same jobs.',
      type: 'boolean',
      default: true,
    },
  ],
  create: (given, { now }) => {
    const file = String(given.file);
    const queue = String(given.queue);
    let opened: Opened | undefined;
    const close = (): void => {
      opened?.db.close();
      opened = undefined;
    };
    const current = (): Libsql.Database => {
      if (opened && inodeOf(file) !== opened.inode) close();
      opened ??= open(file);
      return opened.db;
    };
    return {
      name: `tasks-sqlite ${queue}`,
      workers: tasksWorkers(current, queue, now),
      read: async (signal) => {
        signal.throwIfAborted();
        if (given.counts === false) return [];
        try {
          return [jobsInFile(current(), queue, now())];
        } catch (error) {
          close();
          return [unknown(now(), error instanceof Error ? error.message : String(error))];
        }
      },
      close: async () => close(),
    };
  },
};

interface Opened {
  readonly db: Libsql.Database;
  /** A file that was deleted and made anew has another one: its old handle would show old numbers for ever. */
  readonly inode: number;
}

function open(file: string): Opened {
  if (!existsSync(file)) throw unusable(file, 'no such file yet', 'It appears when the app first publishes');
  const inode = inodeOf(file);
  const db = new (driver())(file, { timeout: 50 });
  try {
    // Looking never writes (only what workers are told does), and must not make a database of what is none.
    db.exec('PRAGMA query_only = ON');
    const [row] = db.pragma('user_version') as { user_version: number }[];
    const version = row?.user_version ?? 0;
    if (version === knownVersion) return { db, inode };
    throw version === 0
      ? unusable(file, 'it has no tables of a broker', 'Give the file of the sqlite: address of the app')
      : unusable(file, `its tables are of version ${version}`, `Update headcount: it reads ${knownVersion}`);
  } catch (error) {
    db.close();
    throw error;
  }
}

function driver(): typeof Libsql {
  try {
    return createRequire(import.meta.url)('libsql') as typeof Libsql;
  } catch (cause) {
    throw new HeadcountError(
      'PACKAGE_MISSING',
      'the meter tasks-sqlite needs the package "libsql"',
      cause instanceof Error ? cause.message : String(cause),
      'Install it: npm install libsql',
      { cause },
    );
  }
}

function inodeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}

function unusable(file: string, why: string, todo: string): HeadcountError {
  return new HeadcountError('BROKER_UNREACHABLE', `the file ${file} cannot be measured`, why, todo);
}
