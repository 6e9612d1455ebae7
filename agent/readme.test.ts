/** What the README promises: its programs run as they stand there, in a folder of their own. */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { freePort, until } from '../checks/servers.ts';

const here = dirname(fileURLToPath(import.meta.url));
const readme = readFileSync(join(here, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, name = '', code = '']) => ({
  name,
  code,
}));
const folder = temporaryFolder('agent-readme');

beforeAll(() => {
  const modules = join(folder.path, 'node_modules');
  const agent = join(modules, '@headcount', 'agent');
  mkdirSync(agent, { recursive: true });
  // The package as its source, so that the test needs no build.
  writeFileSync(join(agent, 'package.json'), '{ "type": "module", "exports": "./index.ts" }');
  writeFileSync(join(agent, 'index.ts'), `export * from '${join(here, 'index.ts')}';`);
  for (const name of ['tsx', 'koa', 'bullmq', 'ioredis'])
    symlinkSync(join(dirname(here), 'node_modules', name), join(modules, name));
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');
  for (const { name, code } of blocks) writeFileSync(join(folder.path, name.replaceAll('/', '-')), code);
});
afterAll(() => folder.remove());

test('every program is named, and every framework is told of', () => {
  expect(blocks.map(({ name }) => name)).toEqual([
    'http.ts',
    'koa.ts',
    'app/hirefire/[[...path]]/route.ts',
    'meters.ts',
  ]);
  const exported = readdirSync(here).filter((file) =>
    /^export function for\w+/m.test(file.endsWith('.ts') ? readFileSync(join(here, file), 'utf8') : ''),
  );
  expect(exported.length).toBe(7);
});

/** Starts a program and reads what it answers at the info path. */
async function answerOf(file: string, env: Record<string, string> = {}): Promise<unknown> {
  const port = String(await freePort());
  const { HEADCOUNT_TOKEN: _ours, HIREFIRE_TOKEN: _theirs, ...around } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: folder.path,
    env: { ...around, PORT: port, ...env },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let body: unknown;
  await until(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/hirefire/development/info`).catch(() => undefined);
    body = await answer?.json();
    return body !== undefined;
  }, file).finally(() => child.kill('SIGKILL'));
  await ended;
  return body;
}

test('the quickstart answers', async () => {
  expect(await answerOf('http.ts')).toEqual([{ name: 'worker', value: 0 }]);
});

test('Koa answers', async () => {
  expect(await answerOf('koa.ts')).toEqual([{ name: 'worker', value: 5 }]);
});

test.skipIf(!has('redisServer'))('the meters answer', async () => {
  const redis = await startRedis();
  const body = await answerOf('meters.ts', { REDIS_URL: redis.url }).finally(() => redis.stop());
  expect(body).toEqual([
    { name: 'encoder', value: 0 },
    { name: 'worker', value: 0 },
    { name: 'urgent', value: 0 },
  ]);
});

test("Next's route answers", async () => {
  const file = join(folder.path, 'app-hirefire-[[...path]]-route.ts');
  const program = `const { GET } = await import(${JSON.stringify(file)}); console.log(await (await GET(new Request('http://a/hirefire/development/info'))).text());`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: folder.path,
    env: { PATH: process.env.PATH },
  });
  let out = '';
  child.stdout.on('data', (part) => {
    out += part;
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(out).toBe('[{"name":"worker","value":5}]\n');
});
