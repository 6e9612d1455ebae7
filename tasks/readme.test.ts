/** What the README promises: its programs run as they stand there, and its list of errors is the list. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
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

test('the errors of the README and the list are the same', () => {
  const documented = [...readme.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map((match) => match[1]);
  expect(documented).toEqual([...taskErrorCodes]);
});
