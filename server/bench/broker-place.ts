/** A private Redis and a real Celery worker for the bench of meters; they go with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

export interface BrokerPlace {
  readonly url: string;
  readonly redis: Redis;
  readonly folder: string;
  stop(): void;
}

/** Debian's, where its Celery is. */
const binary = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

/** Undefined where there is no redis-server. */
export async function startBroker(): Promise<BrokerPlace | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const missing = new Promise<boolean>((resolve) => server.once('error', () => resolve(true)));
  const redis = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  const stop = (): void => {
    redis.disconnect();
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  if (await Promise.race([missing, redis.ping().then(() => false)])) {
    stop();
    return undefined;
  }
  return { url: `redis://127.0.0.1:${port}/0`, redis, folder, stop };
}

const probe = `
import json, os, sys, time
from celery import Celery
app = Celery('probe', broker=os.environ['BROKER'])
app.conf.update(task_ignore_result=True)

@app.task(name='probe.block')
def block():
    time.sleep(3600)

if __name__ == '__main__':
    took = []
    for _ in range(3):
        began = time.perf_counter()
        seen = app.control.inspect().active() or {}
        took.append((time.perf_counter() - began) * 1000)
        assert len(seen) == 1, seen
    print(json.dumps(sorted(took)[1]))
`;

export interface Python {
  /** Resolves when it listens to remote control. */
  startWorker(): Promise<boolean>;
  /** Milliseconds of one `celery inspect active`, median of 3. */
  inspectMs(): Promise<number>;
  stop(): void;
}

export function python({ url, folder, redis }: BrokerPlace): Python {
  writeFileSync(join(folder, 'probe.py'), probe);
  const options = { cwd: folder, env: { ...process.env, BROKER: url } };
  let worker: ChildProcess | undefined;
  return {
    startWorker: async () => {
      const args = ['-m', 'celery', '-A', 'probe', 'worker', '-c', '2', '-l', 'error', '-n', 'bench@here'];
      worker = spawn(binary, args, { ...options, detached: true, stdio: 'ignore' });
      let gone = false;
      worker.once('error', () => {
        gone = true;
      });
      worker.once('exit', () => {
        gone = true;
      });
      for (const end = Date.now() + 60_000; Date.now() < end && !gone; await pause(100))
        // kombu subscribes to a pattern.
        if (Number(await redis.call('PUBSUB', 'NUMPAT')) > 0) return true;
      return false;
    },
    inspectMs: async () => {
      const child = spawn(binary, ['probe.py'], { ...options, stdio: ['ignore', 'pipe', 'ignore'] });
      let text = '';
      child.stdout.on('data', (data) => {
        text += String(data);
      });
      await new Promise((resolve) => child.once('close', resolve));
      return Number(text || 'NaN');
    },
    stop: () => {
      // The pool's processes are in the worker's group.
      if (worker?.pid && worker.exitCode === null) process.kill(-worker.pid, 'SIGKILL');
    },
  };
}
