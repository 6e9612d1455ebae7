/** Both examples as they stand there: the servers of this process, and a worker in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { until } from '../../checks/servers.ts';

const folder = temporaryFolder('examples');
const broker = `sqlite:${join(folder.path, 'broker.db')}`;
const opened: Server[] = [];
let worker: ChildProcess | undefined;
let printed = '';
let close: () => Promise<void> = async () => {};

beforeAll(() => {
  process.env.BROKER_URL = broker;
});

afterAll(async () => {
  for (const server of opened) server.close();
  if (worker) {
    const gone = new Promise((resolve) => worker?.once('exit', resolve));
    worker.kill('SIGTERM');
    await gone;
  }
  await close();
  delete process.env.BROKER_URL;
  folder.remove();
});

function startWorker(): void {
  const root = join(import.meta.dirname, '..', '..');
  worker = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'worker.ts')], {
    cwd: root,
    env: { ...process.env, BROKER_URL: broker, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  worker.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
}

async function open(server: Server): Promise<string> {
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', body: JSON.stringify(body) });

test('an upload is accepted at once and worked on later; a waveform is waited for', async () => {
  const { app } = await import('./tasks.ts');
  const { uploads } = await import('./forget.ts');
  const { waveforms } = await import('./wait.ts');
  close = () => app.close();
  const uploadsUrl = await open(uploads);
  const waveformsUrl = await open(waveforms);

  const tracks = Array.from({ length: 50 }, (_, index) => ({ isrc: `DEX${index}`, seconds: 200 }));
  const accepted = await post(uploadsUrl, tracks);
  expect([accepted.status, await accepted.json()]).toEqual([202, { accepted: 50 }]);
  expect((await fetch(uploadsUrl, { method: 'POST', body: 'no JSON' })).status).toBe(400);
  expect((await app.depth('ingest')).waiting).toBe(50);

  // No worker yet: the request is told where to ask again.
  const early = await post(waveformsUrl, { isrc: 'DEX1', seconds: 3 });
  expect(early.status).toBe(202);
  startWorker();
  await until(
    () => printed.split('\n').filter((line) => line.startsWith('ingested ')).length === 50,
    'fifty tracks',
  );
  const again = `${waveformsUrl}${early.headers.get('location')}`;
  let answer = await fetch(again);
  await until(async () => {
    answer = await fetch(again);
    return answer.status === 200;
  }, 'the waveform');
  expect(await answer.json()).toEqual([3, 40, 77]);
});
