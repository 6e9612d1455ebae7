/**
 * `npm run bench -- ingest [--rate 2000] [--seconds 10] [--json]`: how many HireFire 2.0 pushes one controller takes on one core.
 *
 * The controller is the real one, with its store, 200 apps and their checkups; the load comes from another process over
 * kept connections, as libraries do. First so many a second, each due at its moment, with the time from that moment
 * to the answer; then as many as go. The core's share is what the controller's process used, of one core.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from './config.ts';
import { startController } from './main.ts';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
    load: { type: 'boolean', default: false },
  },
});
const appCount = 200;
const connectionCount = 100;
const targets = { perSecond: 2_000, p99Ms: 50 };

interface Order {
  readonly port: number;
  readonly tokens: readonly string[];
  /** Absent: as many as go. */
  readonly perSecond?: number;
  readonly seconds: number;
}

interface Outcome {
  readonly sent: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

if (values.load)
  process.on('message', (order: Order) => void load(order).then((done) => process.send?.(done)));
else await main();

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'));
  const names = Array.from({ length: appCount }, (_, n) => `app-${n}`);
  writeFileSync(
    join(folder, 'headcount.yaml'),
    `apps:\n${names
      .map(
        (name) =>
          `  ${name}: { managers: { web: { maximum: 5, meters: [{ use: request-queue-time }] }, worker: { maximum: 5, meters: [{ use: pushed-jobs }] } } }`,
      )
      .join('\n')}\n`,
  );
  const config = await loadConfig(undefined, { cwd: folder, env: {}, port: 0 });
  const controller = await startController({ config, log: 'silent' });
  const child = fork(fileURLToPath(import.meta.url), ['--load']);
  try {
    const tokens = (await controller.store.apps.list()).map(({ token }) => token);
    const order = { port: Number(new URL(controller.url).port), tokens };
    await run(child, { ...order, seconds: 2 });
    const steady = await run(child, {
      ...order,
      perSecond: Number(values.rate),
      seconds: Number(values.seconds),
    });
    const most = await run(child, { ...order, seconds: Number(values.seconds) });
    report(steady, most);
  } finally {
    child.kill();
    await controller.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(child: ChildProcess, order: Order): Promise<Outcome & { coreShare: number }> {
  const before = process.cpuUsage();
  const started = performance.now();
  child.send(order);
  const outcome = await new Promise<Outcome>((resolve) =>
    child.once('message', (done: Outcome) => resolve(done)),
  );
  const { user, system } = process.cpuUsage(before);
  return { ...outcome, coreShare: (user + system) / 1_000 / (performance.now() - started) };
}

function report(steady: Outcome & { coreShare: number }, most: Outcome & { coreShare: number }): void {
  const line = (
    what: string,
    { perSecond, p50Ms, p99Ms, worstMs, failed, coreShare }: typeof steady,
  ): string =>
    `${what}: ${perSecond.toFixed(0)} posts/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, worst ${worstMs.toFixed(1)} ms, ${failed} failed, ${(coreShare * 100).toFixed(0)} % of a core`;
  console.log(line(`${values.rate} a second`, steady));
  console.log(line('as many as go', most));
  const reached = most.perSecond >= targets.perSecond && steady.p99Ms < targets.p99Ms && steady.failed === 0;
  console.log(
    `target ${targets.perSecond} posts/s, p99 under ${targets.p99Ms} ms: ${reached ? 'reached' : 'missed'}`,
  );
  if (values.json) console.log(JSON.stringify({ steady, most, reached }));
  if (!reached) process.exitCode = 1;
}

/** In the other process. */
async function load({ port, tokens, perSecond, seconds }: Order): Promise<Outcome> {
  const free: Socket[] = await Promise.all(Array.from({ length: connectionCount }, () => open(port)));
  const all = [...free];
  const times: number[] = [];
  let failed = 0;
  let sent = 0;
  let running = 0;
  const started = performance.now();
  const push = (socket: Socket, due: number): void => {
    running += 1;
    socket.write(request(tokens[sent % tokens.length] ?? '', sent));
    sent += 1;
    socket.once('data', (answer) => {
      running -= 1;
      times.push(performance.now() - due);
      if (!answer.toString('latin1', 0, 12).endsWith('200')) failed += 1;
      free.push(socket);
    });
  };
  const end = started + seconds * 1_000;
  while (performance.now() < end || running > 0) {
    const now = performance.now();
    while (now < end) {
      const due = perSecond === undefined ? now : started + (sent * 1_000) / perSecond;
      const socket = due <= now ? free.shift() : undefined;
      if (!socket) break;
      push(socket, due);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const socket of all) socket.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const took = (performance.now() - started) / 1_000;
  return { sent, failed, perSecond: sent / took, p50Ms: at(0.5), p99Ms: at(0.99), worstMs: at(1) };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** What a web process with a worker's sampler sends: two seconds of queue times, its CPU, and a count of jobs. */
function request(token: string, n: number): string {
  const second = Math.floor(Date.now() / 1_000);
  const body = JSON.stringify([
    {
      name: 'web',
      metrics: {
        rqt: { [second - 1]: [(n % 97) + 0.5, 12], [second]: [(n % 89) + 0.25, 3] },
        cpu: { [second]: n % 100 },
      },
    },
    { name: 'worker', metrics: { jqs: { [second]: n % 1_000 } } },
  ]);
  return `POST /metrics/ingest HTTP/1.1\r\nContent-Type: application/json\r\nHireFire-Token: ${token}\r\nHireFire-Agent: Ruby-2.0.0\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
