import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { splitLines } from './child.ts';
import { appendHistory, openLog, readProcesses, writeProcesses } from './records.ts';

const temporary = temporaryFolder('records');
let folder = '';
let count = 0;

beforeEach(() => {
  folder = join(temporary.path, String(count++));
  mkdirSync(folder);
});
afterAll(() => temporary.remove());

const record = { name: 'worker.1', pid: 4_000, startedAt: 1_000, identity: 'boot/1' };

test('processes are read as they were written, and no half of a file is left', () => {
  writeProcesses(folder, [record]);
  expect(readProcesses(folder)).toEqual([record]);
  expect(readdirSync(folder)).toEqual(['processes.json']);
});

test('a log keeps the newest lines, and is at most twice its limit', () => {
  const log = openLog(folder, 'worker.1', 1_000);
  for (let i = 0; i < 200; i++) log.write(`line ${i}`);
  log.close();
  const path = join(folder, 'logs', 'worker.1.log');
  expect(readFileSync(path, 'utf8')).toContain('line 199\n');
  for (const file of [path, `${path}.1`]) expect(statSync(file).size).toBeLessThanOrEqual(1_000);
  const kept = readFileSync(`${path}.1`, 'utf8') + readFileSync(path, 'utf8');
  const numbers = [...kept.matchAll(/line (\d+)/g)].map((match) => Number(match[1]));
  expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 200 - numbers.length + i));
});

test('a log that is opened again goes on', () => {
  for (const word of ['first', 'second']) {
    const log = openLog(folder, 'web.1');
    log.write(word);
    log.close();
  }
  expect(readFileSync(join(folder, 'logs', 'web.1.log'), 'utf8')).toMatch(/ first\n.* second\n$/);
});

test('the history is one line per process, and moves aside when it is large', () => {
  writeFileSync(join(folder, 'history.jsonl'), 'x'.repeat(4 * 1024 * 1024 + 1));
  appendHistory(folder, record, 2_000, { code: 0, signal: null });
  expect(existsSync(join(folder, 'history.1.jsonl'))).toBe(true);
  expect(JSON.parse(readFileSync(join(folder, 'history.jsonl'), 'utf8'))).toEqual({
    name: 'worker.1',
    pid: 4_000,
    startedAt: 1_000,
    endedAt: 2_000,
    code: 0,
    signal: null,
  });
});

test('output is cut into lines, in whatever pieces it comes, and a line without an end is bounded', () => {
  const lines: string[] = [];
  const splitter = splitLines((line) => lines.push(line));
  for (const piece of ['a', 'b\nc\r', '\n\nd', 'e']) splitter.push(piece);
  splitter.end();
  splitter.end();
  expect(lines).toEqual(['ab', 'c', '', 'de']);
  lines.length = 0;
  for (let i = 0; i < 100; i++) splitter.push('x'.repeat(1_000));
  splitter.end();
  expect(lines.every((line) => line.length <= 16 * 1024)).toBe(true);
  expect(lines.join('').length).toBe(100_000);
});
