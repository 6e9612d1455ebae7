/** A notifier is one file, one test that joins the suite, one page and one line of the registry, all of the same name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { notifiers } from './registry.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const pages = join(folder, '..', 'docs', 'notifiers');
const read = (...path: string[]): string =>
  existsSync(join(...path)) ? readFileSync(join(...path), 'utf8') : '';

const adapters = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => /^export const \w+: NotifierKind\b/m.test(read(folder, file)))
  .map((file) => file.replace(/\.ts$/, ''));

test('the registry has every adapter', () => {
  expect(adapters.length).toBeGreaterThan(1);
  expect(notifiers.map(({ use }) => use).sort()).toEqual(adapters.sort());
});

test.each(adapters)('%s has a test that joins the suite', (adapter) => {
  expect(read(folder, `${adapter}.test.ts`)).toMatch(/\bnotifierContract\(/);
});

test.each(adapters)('%s has a page whose table shows its options as they are', (adapter) => {
  const rows = read(pages, `${adapter}.md`).match(/^\| `\w+` \| (number|text|boolean) \|.*$/gm) ?? [];
  const kind = notifiers.find(({ use }) => use === adapter);
  const expected = kind?.options.map(({ name, type, help, default: value, optional }) => {
    const shown = value === undefined ? (optional ? 'none' : 'required') : `\`${value}\``;
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
  });
  expect(rows).toEqual(expected);
});

test('every page belongs to an adapter', () => {
  expect(readdirSync(pages).sort()).toEqual(adapters.map((adapter) => `${adapter}.md`).sort());
});
