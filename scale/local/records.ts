/**
 * What the local fleet writes down, so that the next controller finds what an earlier one left:
 *
 *   keeper.json     who keeps the processes, and for which controller
 *   processes.json  every live process: name, pid, when it started, its identity
 *   history.jsonl   one line per process that ended; the older half moves to history.1.jsonl
 *   logs/           one file per process name; the older half moves to <name>.log.1
 *
 * Files that are read again are replaced by rename, so that a reader never meets half of one. Files that only grow are
 * bounded: at their limit they take the place of the older half. Keeping lines in the database was the other way;
 * then the processes of a controller that died could not be followed to their end.
 */
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Ending } from './protocol.ts';

export interface ProcessRecord {
  readonly name: string;
  readonly pid: number;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly identity: string;
}

export interface KeeperRecord {
  readonly pid: number;
  readonly identity: string;
  readonly controllerPid: number;
  readonly controllerIdentity: string;
}

const historyLimitBytes = 4 * 1024 * 1024;
const logLimitBytes = 1024 * 1024;

export function readProcesses(folder: string): ProcessRecord[] {
  const list = readJson(join(folder, 'processes.json'));
  return Array.isArray(list) ? list.filter(isProcessRecord) : [];
}

export function writeProcesses(folder: string, processes: readonly ProcessRecord[]): void {
  replaceFile(join(folder, 'processes.json'), `${JSON.stringify(processes)}\n`);
}

export function readKeeper(folder: string): KeeperRecord | undefined {
  const record = readJson(join(folder, 'keeper.json'));
  return isKeeperRecord(record) ? record : undefined;
}

export function writeKeeper(folder: string, record: KeeperRecord): void {
  replaceFile(join(folder, 'keeper.json'), `${JSON.stringify(record)}\n`);
}

export function removeKeeper(folder: string): void {
  rmSync(join(folder, 'keeper.json'), { force: true });
}

export function appendHistory(folder: string, record: ProcessRecord, endedAt: number, ending: Ending): void {
  const { name, pid, startedAt } = record;
  const { code, signal } = ending;
  const file = join(folder, 'history.jsonl');
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > historyLimitBytes) renameSync(file, join(folder, 'history.1.jsonl'));
  appendFileSync(file, `${JSON.stringify({ name, pid, startedAt, endedAt, code, signal })}\n`);
}

export interface LogFile {
  write(text: string): void;
  close(): void;
}

/** Appends to logs/<name>.log. Each line gets its time. */
export function openLog(folder: string, name: string, limitBytes = logLimitBytes): LogFile {
  const path = join(folder, 'logs', `${name}.log`);
  mkdirSync(join(folder, 'logs'), { recursive: true });
  let file = openSync(path, 'a');
  let size = statSync(path).size;
  return {
    write(text) {
      const line = `${new Date().toISOString()} ${text}\n`;
      size += Buffer.byteLength(line);
      if (size > limitBytes) {
        closeSync(file);
        renameSync(path, `${path}.1`);
        file = openSync(path, 'a');
        size = Buffer.byteLength(line);
      }
      writeSync(file, line);
    },
    close: () => closeSync(file),
  };
}

export function replaceFile(path: string, text: string): void {
  const next = `${path}.${process.pid}.new`;
  writeFileSync(next, text);
  renameSync(next, path);
}

/** A missing or broken file has nothing to tell. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function isProcessRecord(value: unknown): value is ProcessRecord {
  const { name, pid, startedAt, identity } = fields(value);
  return (
    typeof name === 'string' && isPid(pid) && typeof startedAt === 'number' && typeof identity === 'string'
  );
}

function isKeeperRecord(value: unknown): value is KeeperRecord {
  const { pid, identity, controllerPid, controllerIdentity } = fields(value);
  const texts = typeof identity === 'string' && typeof controllerIdentity === 'string';
  return texts && isPid(pid) && isPid(controllerPid);
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** 0 and 1 are never ours, and a negative one would signal a whole group. */
function isPid(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 1;
}
