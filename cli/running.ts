/**
 * Which controllers run on this machine: each command that starts one leaves a note with its data folder, so that `headcount
 * eval` finds the demo in its temporary folder. The note holds no secret; the key stands in the data folder, in a file
 * that only its owner can read. A note of a process that is gone is removed by whoever meets it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

export interface Running {
  readonly url: string;
  readonly key: string;
  readonly pid: number;
}

/** Leaves the note; answers how to remove it. */
export function announce(dataFolder: string, from: string = notesFolder()): () => void {
  const file = join(from, `${process.pid}.json`);
  mkdirSync(from, { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify({ dataFolder }), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

/** Every controller of this user that has left a note and lives, the newest last. */
export function findRunning(from: string = notesFolder()): Running[] {
  return listNotes(from).flatMap((file) => {
    const note = readJson(file);
    const running = typeof note?.dataFolder === 'string' ? readRunning(note.dataFolder) : undefined;
    if (!running) rmSync(file, { force: true });
    return running ? [running] : [];
  });
}

/** The controller that works on this data folder, when it lives. */
export function readRunning(dataFolder: string): Running | undefined {
  const { url, key, pid } = readJson(join(dataFolder, 'controller.json')) ?? {};
  if (typeof url !== 'string' || typeof key !== 'string' || typeof pid !== 'number') return undefined;
  return isAlive(pid) ? { url, key, pid } : undefined;
}

function listNotes(from: string): string[] {
  const stat = statSync(from, { throwIfNoEntry: false });
  // Somebody else's folder of that name could lead us to somebody else's controller.
  if (!stat?.isDirectory() || (process.getuid && stat.uid !== process.getuid())) return [];
  const files = readdirSync(from).map((name) => join(from, name));
  const age = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return files.sort((a, b) => age(a) - age(b));
}

function notesFolder(): string {
  return join(tmpdir(), `headcount-running-${userInfo().username}`);
}

function readJson(file: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
