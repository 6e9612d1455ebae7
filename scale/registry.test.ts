/** An adapter is one file, one line in the registry, one test that joins the contract, and one page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fleets } from './registry.ts';

const here = import.meta.dirname;
const page = (name: string): string => join(here, '..', 'docs', 'fleets', `${name}.md`);
const adapters = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !['contract', 'fleet', 'registry'].includes(name))
  .sort();

test('the registry has one line for each adapter file', () => {
  expect(fleets.map((kind) => kind.use).toSorted()).toEqual(adapters);
});

test('each adapter has a test that joins the contract', () => {
  const outside = adapters.filter((name) => {
    const path = join(here, `${name}.test.ts`);
    return !existsSync(path) || !/from '\.\/contract\.ts'/.test(readFileSync(path, 'utf8'));
  });
  expect(outside).toEqual([]);
});

test('each adapter has a page, and each page an adapter', () => {
  const pages = readdirSync(join(here, '..', 'docs', 'fleets')).map((file) => file.replace(/\.md$/, ''));
  expect(pages.toSorted()).toEqual(adapters);
});

test('each page has a row for each option, with its default and its help', () => {
  for (const kind of fleets) {
    const rows = [...readFileSync(page(kind.use), 'utf8').matchAll(/^\| `([a-z]\w*)` \|(.*)\|$/gm)];
    expect(rows.map((row) => row[1])).toEqual(kind.options.map((option) => option.name));
    for (const [index, option] of kind.options.entries()) {
      expect(rows[index]?.[2]).toContain(option.help);
      if (option.default !== undefined) expect(rows[index]?.[2]).toContain(`\`${option.default}\``);
    }
  }
});
