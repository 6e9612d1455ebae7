/** A meter is one file, one test that joins the suite, one page and one line of the registry, all of the same name. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { OptionSpec } from '../decide/options.ts';
import { meters } from './registry.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const pages = join(folder, '..', 'docs', 'meters');
const read = (...path: string[]): string =>
  existsSync(join(...path)) ? readFileSync(join(...path), 'utf8') : '';

/** The files that make a meter. */
const adapters = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .filter((file) => /^export const \w+: MeterKind\b/m.test(read(folder, file)))
  .map((file) => file.replace(/\.ts$/, ''));

test('there are adapters, and the registry has each of them', () => {
  expect(adapters.length).toBeGreaterThan(1);
  expect(meters.map((meter) => meter.use).sort()).toEqual(adapters.sort());
});

test.each(adapters)('%s has a test that joins the suite', (adapter) => {
  const source = read(folder, `${adapter}.test.ts`);
  expect(source).toMatch(/from '\.\/contract\.ts'/);
  expect(source).toMatch(/\bmeterContract\(/);
});

test.each(adapters)('%s has a page whose table shows its options as they are', (adapter) => {
  const page = read(pages, `${adapter}.md`);
  expect(page).toContain(`# ${adapter}`);
  const rows = page.match(/^\| `\w+` \| (number|text|boolean) \|.*$/gm) ?? [];
  const meter = meters.find((candidate) => candidate.use === adapter);
  expect(rows.map(plain)).toEqual(meter?.options.map(row).map(plain));
});

test('every page belongs to an adapter', () => {
  expect(readdirSync(pages).sort()).toEqual(adapters.map((adapter) => `${adapter}.md`).sort());
});

function row({ name, type, help, default: value, optional }: OptionSpec): string {
  const absent = optional ? 'none' : 'required';
  const shown = value === undefined ? absent : `\`${typeof value === 'string' ? quoted(value) : value}\``;
  return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
}

/** Quotes may be set in code. */
function plain(text: string): string {
  return text.replace(/["`]/g, '');
}

/** A text that cannot be seen is written as JSON writes it. */
function quoted(value: string): string {
  return /^[\x21-\x7e]+$/.test(value) ? value : JSON.stringify(value);
}
