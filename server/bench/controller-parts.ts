/** The processes of the bench `controller`: the apps' own web processes, and the controller. Each tells its parent over IPC. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { loadConfig } from '../config.ts';
import { startController } from '../main.ts';

export const managersPerApp = 10;
export const intervalSeconds = 15;

/** What the controller answers to `measure`. */
export interface Usage {
  readonly checkups: number;
  /** Beyond the interval, for every time between two checkups of an app. */
  readonly latenessMs: readonly number[];
  /** Since the start. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly apps: number;
}

/** An info endpoint for any token, with a number for each of an app's process types. */
export function serveApps(): void {
  const server = createServer((request, response) => {
    // Another number every two minutes, each app at its own time: most checkups change nothing, as in life.
    const own = [...(request.url ?? '')].reduce(
      (sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 120_000,
      7,
    );
    const hash = Math.floor((Date.now() + own) / 120_000);
    const entries = Array.from(
      { length: managersPerApp },
      (_, n) => `{"name":"w${n}","quantity":${(hash + n) % 9}}`,
    );
    response.setHeader('content-type', 'application/json');
    response.end(`[${entries.join(',')}]`);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('disconnect', () => process.exit());
}

/** A whole controller in the folder; `reset` begins to measure, `measure` answers a Usage. */
export async function runController(folder: string, databaseUrl: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'headcount.yaml'), `intervalSeconds: ${intervalSeconds}\n`);
  const config = await loadConfig(join(folder, 'headcount.yaml'), { port: 0, data: folder, databaseUrl });
  const controller = await startController({ config, log: 'error' });
  const last = new Map<string, number>();
  let lateness: number[] = [];
  let checkups = 0;
  controller.onCheckup(({ app, processType, point }) => {
    checkups += 1;
    if (processType !== 'w0') return;
    const before = last.get(app);
    if (before !== undefined) lateness.push(Math.max(0, point.at - before - intervalSeconds * 1_000));
    last.set(app, point.at);
  });
  process.on('message', (word) => {
    if (word === 'reset') {
      lateness = [];
      checkups = 0;
    }
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      checkups,
      latenessMs: lateness,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
      apps: last.size,
    };
    process.send?.(usage);
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ url: controller.url });
}
