/** Python's Celery beside a suite, in the folder that holds its `probe.py`; and at the end how many cases ran against it. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, afterEach, inject } from 'vitest';
import { until } from './servers.ts';

const run = promisify(execFile);
const solo = '-m celery -A probe worker -P solo -l INFO --without-mingle --without-gossip'.split(' ');

export interface Celery {
  /** Runs lines beside the app and answers with what they print, as JSON. */
  python(code: string): Promise<unknown>;
  /** Resolves when it is ready. */
  startWorker(...args: readonly string[]): Promise<ChildProcess>;
  /** Stops the worker, warm, where one runs. */
  stopWorker(): Promise<void>;
}

export function celeryIn(cwd: string): Celery {
  let worker: ChildProcess | undefined;
  return {
    python: async (code) => {
      const text = `import json\nfrom probe import *\n${code}`;
      const { stdout } = await run(inject('servers').python, ['-c', text], { cwd });
      return JSON.parse(stdout) as unknown;
    },
    startWorker: async (...args) => {
      const child = spawn(inject('servers').python, [...solo, ...args], { cwd });
      worker = child;
      let heard = '';
      child.stderr.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      await until(() => heard.includes('ready.'), 'the Python worker');
      return child;
    },
    stopWorker: async () => {
      const child = worker;
      worker = undefined;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    },
  };
}

export interface EventReceiver {
  /** Events of a type, in the order in which they came. */
  of(type: string): Readonly<Record<string, unknown>>[];
  all(): readonly Readonly<Record<string, unknown>>[];
  stop(): void;
}

/** Python's own receiver of events, on the app of `probe.py` in that folder. It listens when it prints its event `ready`. */
export function receiveEvents(cwd: string): EventReceiver {
  const program = `import json
from probe import app
def hear(event):
    print(json.dumps(event), flush=True)
with app.connection() as connection:
    receiver = app.events.Receiver(connection, handlers={'*': hear})
    print(json.dumps({'type': 'ready'}), flush=True)
    receiver.capture(limit=None, timeout=None, wakeup=True)
`;
  const child = spawn(inject('servers').python, ['-c', program], { cwd });
  const seen: Record<string, unknown>[] = [];
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) seen.push(JSON.parse(line) as Record<string, unknown>);
  });
  return {
    of: (type) => seen.filter((one) => one.type === type),
    all: () => seen,
    stop: () => void child.kill('SIGKILL'),
  };
}

/**
 * Says how many cases ran, and on what: a suite that was skipped looks green, too. To be called in a `describe`, or in a
 * file for all of it.
 *
 * @param against such as 'Redis', or `() => withCelery('Redis')`
 */
export function countCases(suite: string, against: string | (() => string)): void {
  let count = 0;
  let failed = 0;
  afterEach(({ task }) => {
    count++;
    if (task.result?.state === 'fail') failed++;
  });
  afterAll(() => {
    const failures = failed > 0 ? `, ${failed} failed` : '';
    const on = typeof against === 'string' ? against : against();
    process.stdout.write(`${suite}: ${count} cases ran on ${on}${failures}\n`);
  });
}

export function withCelery(broker: string): string {
  const args = ['-W', 'ignore', '-c', 'import celery; print(celery.__version__)'];
  const version = execFileSync(inject('servers').python, args, { encoding: 'utf8' }).trim();
  return `${broker} with Celery ${version}`;
}
