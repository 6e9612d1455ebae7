/**
 * A shop whose jobs begin and end when a test says so, worked on by real workers: Python's Celery, or ours. Each job marks
 * its start and its end with a file, and ends when a third one appears.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inject } from 'vitest';
import { killGroup } from './servers.ts';
import { root } from './tree.ts';

export type Language = 'python' | 'ours';

export interface Shop {
  readonly place: string;
  readonly env: { readonly BROKER: string; readonly PLACE: string; readonly QUEUE: string };
  /** A command line for a shell in `place`; `name` may be a variable of that shell. */
  command(language: Language, name: string): string;
  /** Its standard error is kept for the message of a failing test. */
  start(language: Language, name: string): Worker;
  began(): string[];
  done(): string[];
  end(job: string): void;
}

export interface Worker {
  readonly child: ChildProcess;
  printed(): string;
  /** Kills it and all that it started. */
  kill(): Promise<void>;
}

export function openShop(
  place: string,
  broker: string,
  { late, queue = 'celery' }: { late: boolean; queue?: string },
): Shop {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'shop.py'), python(late));
  writeFileSync(join(place, 'worker.mjs'), ours(late));
  const env = { BROKER: broker, PLACE: place, QUEUE: queue };
  const marks = (kind: string): string[] =>
    readdirSync(place)
      .filter((name) => name.startsWith(`${kind}-`))
      .map((name) => name.slice(kind.length + 1))
      .sort();
  const command = (language: Language, name: string): string =>
    language === 'python'
      ? `${inject('servers').python} -m celery -A shop worker -n ${name}@%h -c 1 -l INFO --without-gossip --without-mingle`
      : `node --import ${loader()} ${join(place, 'worker.mjs')}`;
  return {
    place,
    env,
    command,
    start: (language, name) => startProgram(command(language, name), place, { ...env, DYNO: name }),
    began: () => marks('began'),
    done: () => marks('done'),
    end: (job) => writeFileSync(join(place, `end-${job}`), ''),
  };
}

/** In a shell, in a group of its own. */
export function startProgram(command: string, cwd: string, env: Record<string, string>): Worker {
  // What it starts ends with it.
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let printed = '';
  child.stderr?.on('data', (piece) => {
    printed = (printed + String(piece)).slice(-4_000);
  });
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    child,
    printed: () => printed,
    kill: async () => {
      const alive = child.exitCode === null && child.signalCode === null;
      if (alive) killGroup(child);
      await exit;
    },
  };
}

function loader(): string {
  const built = join(root, 'node_modules/tsx/dist/loader.mjs');
  if (!existsSync(built)) throw new Error(`${built} is missing: npm install`);
  return pathToFileURL(built).href;
}

const python = (late: boolean): string => `
import os, time
from celery import Celery
app = Celery('shop', broker=os.environ['BROKER'])
app.conf.update(task_acks_late=${late ? 'True' : 'False'}, worker_prefetch_multiplier=1, task_default_queue=os.environ['QUEUE'], broker_connection_retry_on_startup=True)
place = os.environ['PLACE']
@app.task(name='shop.work')
def work(name):
    open(place + '/began-' + name, 'w').close()
    while not os.path.exists(place + '/end-' + name):
        time.sleep(0.05)
    open(place + '/done-' + name, 'w').close()
`;

const ours = (late: boolean): string => `
import { existsSync, writeFileSync } from 'node:fs';
import { createApp } from ${JSON.stringify(pathToFileURL(join(root, 'tasks/index.ts')).href)};
const app = createApp({ broker: process.env.BROKER, queue: process.env.QUEUE, ignoreResult: true });
const place = process.env.PLACE;
app.task('shop.work', async (_, name) => {
  writeFileSync(place + '/began-' + name, '');
  while (!existsSync(place + '/end-' + name)) await new Promise((wait) => setTimeout(wait, 50));
  writeFileSync(place + '/done-' + name, '');
}, { ackLate: ${late} });
await app.worker({ concurrency: 1 }).run({ handleSignals: true });
await app.close();
`;
