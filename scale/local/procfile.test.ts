import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { isNodeCommand, parseProcfile, readProcfile, shellLine } from './procfile.ts';

const folder = temporaryFolder('procfile');
afterAll(() => folder.remove());

describe('parsing', () => {
  test('types and commands in their order; comments, empty lines, Windows ends and a byte order mark are no matter', () => {
    const text =
      '\uFEFF# our app\r\nweb: node api.js --port $PORT \r\n\r\n  # later\nslow_mailer-2:   a:b: c\n';
    expect([...parseProcfile(text, 'Procfile')]).toEqual([
      ['web', 'node api.js --port $PORT'],
      ['slow_mailer-2', 'a:b: c'],
    ]);
  });

  test.each([
    ['web node api.js', 'Line 1 of Procfile is wrong: "web node api.js" is no "type: command"'],
    ['web: a\nworker:\n', 'Line 2 of Procfile is wrong: "worker:" is no "type: command"'],
    ['web: a\n\nweb: b\n', 'Line 3 of Procfile is wrong: "web" is declared twice'],
    ['1st: a', 'Line 1'],
    ['a.b: c', 'Line 1'],
    ['__proto__: a', 'Line 1'],
    [`${'x'.repeat(64)}: a`, 'Line 1'],
    ['', 'Procfile is empty'],
    ['# nothing\n', 'Procfile is empty'],
  ])('%j is refused', (text, message) => {
    expect(() => parseProcfile(text, 'Procfile')).toThrow(message);
    expect(() => parseProcfile(text, 'Procfile')).toThrow(
      expect.objectContaining({ code: 'PROCFILE_UNREADABLE' }),
    );
  });

  test('whatever the text, the answer is a plan or a clear error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', ':', ' ', '\n', '#') })),
        (text) => {
          try {
            for (const [type, command] of parseProcfile(text, 'P')) {
              expect(type).toMatch(/^[a-zA-Z][\w-]*$/);
              expect(command).toBe(command.trim());
              expect(command).not.toBe('');
            }
          } catch (error) {
            expect(error).toMatchObject({ code: 'PROCFILE_UNREADABLE' });
          }
        },
      ),
    );
  });
});

test('a folder, a missing file and a file that is too large are told apart', async () => {
  mkdirSync(join(folder.path, 'a-folder'));
  writeFileSync(join(folder.path, 'large'), 'x'.repeat(1024 * 1024 + 1));
  await expect(readProcfile(join(folder.path, 'a-folder'))).rejects.toThrow('it is a folder');
  await expect(readProcfile(join(folder.path, 'none'))).rejects.toThrow('there is no such file');
  await expect(readProcfile(join(folder.path, 'large'))).rejects.toThrow('larger than 1 MiB');
});

describe('the line for the shell', () => {
  test.each([
    ['echo plain $((1+1))', 'plain 2'],
    ['echo one; echo two', 'one\ntwo'],
    ['A=1 B="x y" printenv A B', '1\nx y'],
    ["A='x y' printenv A", 'x y'],
    ['cd / && pwd', '/'],
    ['exec echo already', 'already'],
    ['echo left | tr a-z A-Z', 'LEFT'],
    ['test -n "$HOME" && echo yes', 'yes'],
    ['set -e; echo set', 'set'],
    ['for i in 1 2; do echo $i; done', '1\n2'],
    ['[ 1 = 1 ] && echo same', 'same'],
    ['"echo" quoted', 'quoted'],
    ['timeout 5 echo timed', 'timed'],
  ])('%s does what a shell does', (command, output) => {
    expect(execFileSync('/bin/sh', ['-c', shellLine(command)], { encoding: 'utf8' }).trim()).toBe(output);
  });

  test('a plain command takes the place of the shell, so that it gets the signals', () => {
    expect(shellLine('node worker.js')).toBe('exec node worker.js');
    expect(shellLine('NODE_ENV=production node worker.js')).toBe('NODE_ENV=production exec node worker.js');
    expect(shellLine('timeout 5 node worker.js')).toBe('exec timeout 5 node worker.js');
  });
});

test.each([
  ['node worker.js', true],
  ['NODE_ENV=production /usr/bin/node --enable-source-maps dist/worker.js', true],
  ['npm run worker', true],
  ['./bin/worker.mjs', true],
  ['celery -A shop worker', false],
  ['python manage.py', false],
  ['bundle exec sidekiq -C node.yml', false],
])('%s runs Node: %s', (command, expected) => {
  expect(isNodeCommand(command)).toBe(expected);
});
