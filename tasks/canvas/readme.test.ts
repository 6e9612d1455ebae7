/** The program of the README's section runs as it stands there. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';

const package_ = dirname(import.meta.dirname);

test('the canvas of the README', async () => {
  const readme = readFileSync(join(package_, 'README.md'), 'utf8');
  const folder = temporaryFolder('readme-canvas');
  const packages = join(folder.path, 'node_modules', '@headcount', 'tasks');
  mkdirSync(packages, { recursive: true });
  writeFileSync(join(packages, 'package.json'), '{ "type": "module", "exports": "./index.ts" }');
  writeFileSync(join(packages, 'index.ts'), `export * from '${join(package_, 'index.ts')}';`);
  symlinkSync(join(dirname(package_), 'node_modules', 'tsx'), join(folder.path, 'node_modules', 'tsx'));
  writeFileSync(join(folder.path, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder.path, 'canvas.ts'),
    /```ts\n\/\/ canvas\.ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '',
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'canvas.ts'], {
    cwd: folder.path,
    timeout: 60_000,
  });
  expect(stdout.trim().split('\n')).toEqual([
    'chain 113 after 13',
    'group [ 2, 4 ]',
    'chord 12',
    'starmap [ 2, 4 ]',
    'chunks [ [ 2, 4 ], [ 6 ] ]',
    'immutable 10',
  ]);
  folder.remove();
});
