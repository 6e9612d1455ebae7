/** What the README promises: its programs run as they stand there, and its list of errors is the list. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { has, startRedis, temporaryFolder } from '../checks/fixtures.ts';
import { taskErrorCodes } from './errors.ts';

const here = dirname(fileURLToPath(import.meta.url));
const readme = readFileSync(join(here, 'README.md'), 'utf8');

test('the quickstart works in an empty folder', async () => {
  const folder = temporaryFolder('readme');
  const packages = join(folder.path, 'node_modules', '@headcount', 'tasks');
  mkdirSync(packages, { recursive: true });
  // The package as its source, so that the test needs no build.
  writeFileSync(join(packages, 'package.json'), '{ "type": "module", "exports": "./index.ts" }');
  writeFileSync(join(packages, 'index.ts'), `export * from '${join(here, 'index.ts')}';`);
  symlinkSync(join(dirname(here), 'node_modules', 'tsx'), join(folder.path, 'node_modules', 'tsx'));
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');
  for (const [, name, code] of readme.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    writeFileSync(join(folder.path, name ?? ''), code ?? '');
  const shell = /```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? 'exit 1';
  const { stdout } = await promisify(execFile)('bash', ['-m', '-c', shell], {
    cwd: folder.path,
    timeout: 25_000,
  });
  expect(stdout).toContain('2 + 3 = 5');
  const look = `const { app, beat } = await import('./schedule.ts'); console.log(await beat.entries.list()); await app.close();`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', look];
  const listed = await promisify(execFile)(process.execPath, args, { cwd: folder.path, timeout: 60_000 });
  expect(listed.stdout).toBe('[]\n');
  folder.remove();
});

test.skipIf(!has('python') || !has('redisServer'))(
  'the ten lines for Python put a publish time into each of its messages, also by name and for later',
  async () => {
    const lines = /```py\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
    expect(lines.trim().split('\n').length).toBeLessThanOrEqual(10);
    const server = await startRedis();
    const program = `
from celery import Celery
app = Celery('published', broker='${server.url}', backend='${server.url}')
${lines}
@app.task(name='seen')
def seen(): pass
seen.delay()
app.send_task('by.name', [1], countdown=60)
raw = [app.connection_for_read().default_channel.client.lindex('celery', n).decode() for n in (-1, -2)]
print('[' + ','.join(raw) + ']')`;
    const before = Date.now() / 1000;
    const { stdout } = await promisify(execFile)(inject('servers').python, ['-c', program], {
      timeout: 60_000,
    });
    const after = Date.now() / 1000;
    const sent = JSON.parse(stdout) as Record<'headers' | 'properties', { published_at: number }>[];
    expect(sent).toHaveLength(2);
    for (const { headers, properties } of sent) {
      expect(headers.published_at).toBe(properties.published_at);
      // Python's clock and this one round differently.
      expect(headers.published_at).toBeGreaterThan(before - 1);
      expect(headers.published_at).toBeLessThan(after + 1);
    }
    await server.stop();
  },
  120_000,
);

/** Whoever checks the types of libraries too must not need a package that they did not choose. */
test('what is exported names no type of an optional package', () => {
  const { peerDependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as {
    peerDependencies: Readonly<Record<string, string>>;
  };
  const [exported, more] = ['index.ts', 'app.ts'].map((name) => readFileSync(join(here, name), 'utf8'));
  const files = [
    ...[...(exported ?? '').matchAll(/from '\.\/(\S+)'/g)].map((match) => match[1] ?? ''),
    // Options of the app, whose types these files have.
    ...[...(more ?? '').matchAll(/^import type .* from '\.\/(\S+)'/gm)].map((match) => match[1] ?? ''),
  ];
  expect(files).toContain('rabbitmq/settings.ts');
  for (const file of new Set(files)) {
    const text = readFileSync(join(here, file), 'utf8');
    const named = Object.keys(peerDependencies).filter((name) => text.includes(`from '${name}'`));
    expect([file, named]).toEqual([file, []]);
  }
});

test('the errors of the README and the list are the same', () => {
  const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  expect(documented).toEqual([...taskErrorCodes]);
});
