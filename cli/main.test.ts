/** The command as a person meets it: its help, its messages, its exit codes. Runs the built program. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../checks/fixtures.ts';
import { packageFolder } from './place.ts';
import { announce, findRunning, readRunning } from './running.ts';

let folder: { path: string; remove(): void };
beforeAll(() => {
  folder = temporaryFolder('cli');
});
afterAll(() => folder.remove());

function headcount(...args: string[]): { code: number | null; out: string; err: string } {
  const program = join(packageFolder, 'dist', 'cli', 'main.js');
  // A home of its own for notes, so that a demo that happens to run is not met.
  const env = { ...process.env, TMPDIR: folder.path, DATABASE_URL: '', HEADCOUNT_KEY: '' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder.path,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, out: stdout, err: stderr };
}

function file(name: string, text: string): string {
  writeFileSync(join(folder.path, name), text);
  return join(folder.path, name);
}

describe('help', () => {
  test.each([[['--help']], [['help']], [['-h']]])('%j lists the commands', (args) => {
    const { code, out } = headcount(...args);
    expect(code).toBe(0);
    for (const command of ['up', 'demo', 'eval', 'simulate']) expect(out).toContain(`\n  ${command} `);
  });

  test.each([
    ['up', '--config'],
    ['demo', '--broker'],
    ['eval', '--url'],
    ['simulate', '--generate'],
  ])('%s --help names %s', (command, flag) => {
    const { code, out } = headcount(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain(flag);
    expect(headcount('help', command).out).toBe(out);
  });

  test('--version prints the version', () => {
    expect(headcount('--version').out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong word', () => {
  test.each([
    [['demoo'], "unknown command 'demoo'", 'Did you mean demo?'],
    [['demo', '--track', '5'], "unknown option '--track'", 'Did you mean --tracks?'],
    [['up', '--prot', '1'], "unknown option '--prot'", 'Did you mean --port?'],
    [['demo', '--tracks', 'many'], '--tracks', 'Give a whole number from 1.'],
    [['demo', '--tracks', '-5'], '--tracks', 'Give a whole number from 1.'],
    [['up', '--port', '70000'], '--port', 'Give a port between 0 and 65535.'],
    [['up', '--port'], '--port', 'argument missing'],
    [['up', '--log', 'loud'], '--log', 'Give one of trace'],
    [['demo', '--broker', 'amqp://x'], '--broker', 'Give an address such as redis://'],
    [['demo', '--catalogue', 'nowhere'], '--catalogue', 'There is no such folder.'],
    [['up', 'now'], 'too many arguments', '--help'],
  ])('%j says what was meant', (args, what, todo) => {
    const { code, out, err } = headcount(...args);
    expect(err).toContain(what);
    expect(err).toContain(todo);
    expect(err).not.toContain('    at ');
    expect([code, out]).toEqual([2, '']);
  });

  test('no word at all prints the help', () => {
    const { code, err } = headcount();
    expect(err).toContain('Usage: headcount');
    expect(code).toBe(2);
  });
});

describe('errors are one line and an exit code', () => {
  const oneLine = (err: string): void => {
    expect(err).toMatch(/^headcount: [^\n]+\n$/);
    expect(err).not.toContain('    at ');
  };

  test('a configuration that is not there', () => {
    const { code, err } = headcount('up', '--config', 'nowhere.yaml');
    oneLine(err);
    expect(err).toContain('there is no such file');
    expect(code).toBe(2);
  });

  test('a half-written configuration names the line', () => {
    const { code, err } = headcount('up', '--config', file('half.yaml', 'port: 4700\napps:\n  music: {\n'));
    oneLine(err);
    expect(err).toMatch(/line \d+/);
    expect(code).toBe(2);
  });

  test('a misspelt key says what was meant', () => {
    const { code, err } = headcount('up', '--config', file('misspelt.yaml', 'prot: 4700\n'));
    oneLine(err);
    expect(err).toContain('did you mean "port"?');
    expect(code).toBe(2);
  });

  test('eval when nothing runs', () => {
    const { code, err } = headcount('eval');
    oneLine(err);
    expect(err).toContain('No controller runs here');
    expect(err).toContain('headcount up');
    expect(code).toBe(1);
  });

  test('eval against a controller that is gone', () => {
    mkdirSync(join(folder.path, 'gone'));
    const content = { url: 'http://127.0.0.1:1', key: 'k', pid: process.pid };
    writeFileSync(join(folder.path, 'gone', 'controller.json'), JSON.stringify(content));
    const { code, err } = headcount('eval', '--data', 'gone');
    oneLine(err);
    expect(err).toContain('http://127.0.0.1:1 cannot be asked');
    expect(code).toBe(1);
  });

  test('a demo whose Redis is not there', () => {
    const { code, err } = headcount('demo', '--broker', 'redis://127.0.0.1:1/0');
    oneLine(err);
    expect(err).toContain('nothing listens there');
    expect(code).toBe(1);
  });
});

describe('notes about running controllers', () => {
  test('lead to a living controller, and those of dead ones are removed', () => {
    const notes = join(folder.path, 'notes');
    const data = join(folder.path, 'data');
    mkdirSync(data);
    const withdraw = announce(data, notes);
    expect(findRunning(notes)).toEqual([]);
    const running = { url: 'http://127.0.0.1:4700', key: 'k', pid: process.pid };
    writeFileSync(join(data, 'controller.json'), JSON.stringify(running));
    const again = announce(data, notes);
    expect(findRunning(notes)).toEqual([running]);
    again();
    withdraw();
    expect(findRunning(notes)).toEqual([]);
    writeFileSync(join(data, 'controller.json'), '{"url":');
    expect(readRunning(data)).toBeUndefined();
  });
});
