/** Programs of a test that run in a process of their own: what a kill does cannot be seen from within. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let count = 0;

/** Runs a program, given as text with the folder of @headcount/tasks as TASKS, in a process of its own. */
export function spawnProgram(
  folder: string,
  text: string,
  stdio: 'pipe' | 'ipc' = 'pipe',
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const file = join(folder, `program-${++count}.mts`);
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  writeFileSync(file, text.replaceAll('TASKS', join(root, 'tasks')));
  return spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit', ...(stdio === 'ipc' ? (['ipc'] as const) : [])],
  });
}

/** Resolves when the program has printed a line; rejects when it ends before. */
export function printed(child: ChildProcess, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.split('\n').includes(line)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code} before "${line}": ${heard}`)));
  });
}
