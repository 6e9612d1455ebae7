/**
 * The shop of shop.ts with BullMQ: a process with one worker of one slot that can be told to rest through the agent. Its jobs mark
 * their start and their end with files and end when the test says so.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './tree.ts';

/** Writes the program into `place` and answers the command. Needs REDIS, QUEUE, PLACE and what the agent takes from its environment. */
export function bullCommand(place: string): string {
  writeFileSync(join(place, 'bull.mjs'), program);
  return `node --import ${address('node_modules/tsx/dist/loader.mjs')} ${join(place, 'bull.mjs')}`;
}

const address = (path: string): string => pathToFileURL(join(root, path)).href;

const program = `
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { bullmqWorker, restOnRequest } from ${JSON.stringify(address('agent/index.ts'))};
// By require: in native ESM BullMQ does not find ioredis by itself.
const { Worker } = createRequire(${JSON.stringify(address('package.json'))})('bullmq');
const { REDIS, QUEUE, PLACE } = process.env;
const { hostname, port } = new URL(REDIS);
const worker = new Worker(QUEUE, async ({ data: { job } }) => {
  writeFileSync(PLACE + '/began-' + job, '');
  while (!existsSync(PLACE + '/end-' + job)) await new Promise((wait) => setTimeout(wait, 50));
  writeFileSync(PLACE + '/done-' + job, '');
}, { connection: { host: hostname, port: Number(port) }, concurrency: 1 });
worker.on('error', () => {});
const resting = restOnRequest({ workers: [bullmqWorker(worker)], onProblem: (problem) => console.error(String(problem)) });
process.once('SIGTERM', async () => {
  await resting.stop();
  await worker.close();
  process.exit(0);
});
`;
