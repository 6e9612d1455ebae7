/**
 * What it costs to poll many apps: a real controller with its store, and one process that is all their web processes. Each app has
 * an address with its own token and one manager; nothing else is asked of the controller meanwhile.
 */
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../config.ts';
import { startController } from '../main.ts';

export interface Polled {
  readonly apps: number;
  readonly everySeconds: number;
  readonly overSeconds: number;
  readonly polls: number;
  /** Different tokens that were asked with. */
  readonly tokens: number;
  readonly coreShare: number;
}

/** Run in a process of its own: it answers on any token, and tells its parent what it was asked. */
export function serveApps(): void {
  const tokens = new Set<string>();
  let polls = 0;
  const server = createServer((request, response) => {
    const token = /^\/hirefire\/([^/]+)\/info$/.exec(request.url ?? '')?.[1];
    if (token === undefined) return void response.writeHead(404).end();
    polls += 1;
    tokens.add(token);
    response.setHeader('content-type', 'application/json');
    response.end(`[{"name":"worker","quantity":${polls % 7}}]`);
  });
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
  process.on('message', () => process.send?.({ polls, tokens: tokens.size }));
  process.on('disconnect', () => process.exit());
}

export async function pollApps(
  appCount: number,
  everySeconds: number,
  overSeconds: number,
  entry: string,
): Promise<Polled> {
  const folder = mkdtempSync(join(tmpdir(), 'headcount-bench-'));
  const child = fork(entry, ['--serve']);
  const tell = async <T>(): Promise<T> =>
    await new Promise((resolve) => child.once('message', resolve as never));
  const ask = async (): Promise<{ polls: number; tokens: number }> => {
    const answer = tell<{ polls: number; tokens: number }>();
    child.send({});
    return await answer;
  };
  const { port } = await tell<{ port: number }>();
  const apps = Array.from(
    { length: appCount },
    (_, n) =>
      `  app-${n}: { url: 'http://127.0.0.1:${port}', managers: { worker: { maximum: 5, meters: [{ use: http-info }] } } }`,
  );
  writeFileSync(
    join(folder, 'headcount.yaml'),
    `intervalSeconds: ${everySeconds}\nallowPrivateAddresses: true\napps:\n${apps.join('\n')}\n`,
  );
  const config = await loadConfig(undefined, { cwd: folder, env: {}, port: 0 });
  const opening = performance.now();
  const controller = await startController({ config, log: 'silent' });
  console.log(`${appCount} apps opened in ${((performance.now() - opening) / 1_000).toFixed(1)} s`);
  try {
    // The first round makes every connection and every first row.
    await pause(2 * everySeconds * 1_000);
    const before = await ask();
    const cpu = process.cpuUsage();
    const began = performance.now();
    await pause(overSeconds * 1_000);
    const { user, system } = process.cpuUsage(cpu);
    const elapsedMs = performance.now() - began;
    const after = await ask();
    return {
      apps: appCount,
      everySeconds,
      overSeconds: elapsedMs / 1_000,
      polls: after.polls - before.polls,
      tokens: after.tokens,
      coreShare: (user + system) / 1_000 / elapsedMs,
    };
  } finally {
    child.kill();
    await controller.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
