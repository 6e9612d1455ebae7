/**
 * The ceilings that keep a file readable in one sitting. Functions are held to 60 lines by the linter; this holds files.
 * The lists of exemptions may only shrink.
 */
import { expect, test } from 'vitest';
import { files, read, sources } from './tree.ts';

const lineCeiling = 350;
const exempt: readonly string[] = [];

test(`no source is longer than ${lineCeiling} lines`, () => {
  const long = sources().filter((path) => lines(path) > lineCeiling && !exempt.includes(path));
  expect(long.map((path) => `${path}: ${lines(path)}`)).toEqual([]);
});

test('a source of over 100 lines opens with what it does', () => {
  const silent = sources().filter((path) => lines(path) > 100 && !/^(#!.*\n)?\/\*\*/.test(read(path)));
  expect(silent).toEqual([]);
});

test('three quarters of the sources are short', () => {
  const sizes = sources().map(lines);
  const short = sizes.filter((size) => size <= 180).length;
  expect(short / sizes.length).toBeGreaterThan(0.75);
});

test('no path of a machine, no address of a registry, no unfinished word', () => {
  const text = files('.ts', '.tsx', '.md', '.json', '.mjs', '.yaml').filter(
    (path) => path !== 'checks/shapes.test.ts',
  );
  const bad = text.filter((path) => /"resolved": *"http|\/work\/main|registry\.npmjs/.test(read(path)));
  const unfinished = sources().filter((path) => /\b(TODO|FIXME|XXX)\b/.test(read(path)));
  expect({ bad, unfinished }).toEqual({ bad: [], unfinished: [] });
});

function lines(path: string): number {
  return read(path).trimEnd().split('\n').length;
}
