/**
 * Old controllers run while a newer one changes the tables, so a step may only add. What each file of store/migrations/ does
 * is read from its text: a statement that is not known to be harmless counts as one that breaks, and then the file's
 * name has to say so, because that is what a controller goes by (store/migrate.ts).
 *
 * The name of an added column has to be new: a statement of an older controller that joins its table with another one that has
 * such a column would no longer know which is meant.
 */
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { files, read } from './tree.ts';

/** Released under another name, before several controllers could share a store. */
const before: Readonly<Record<string, number>> = { '006-organisations.sql': 2 };

const paths = files('.sql').filter((path) => path.startsWith('store/migrations/'));

test('every step has a number of its own', () => {
  const numbers = paths.map((path) => /^(\d{3})-[a-z-]+\.sql$/.exec(basename(path))?.[1]);
  expect(numbers.length).toBeGreaterThan(8);
  expect(numbers).not.toContain(undefined);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test.each(paths.map((path) => basename(path)))(
  '%s breaks an older controller only if its name says so',
  (name) => {
    const earlier = paths.slice(
      0,
      paths.findIndex((path) => basename(path) === name),
    );
    const found = breaking(
      read(`store/migrations/${name}`),
      new Set(earlier.flatMap((path) => columns(read(path)))),
    );
    if (/^\d+-breaking-/.test(name)) expect(found).not.toEqual([]);
    else if (before[name]) expect(found).toHaveLength(before[name]);
    else expect(found).toEqual([]);
  },
);

test.each([
  ['create table t (id integer primary key, name text not null unique)'],
  [
    'create table t (id int); alter table t add foreign key (id) references apps (id); insert into t values (1)',
  ],
  ['create table t (id int); create unique index t_id on t (id)'],
  ['create index points_x on points (waiting)'],
  ['alter table apps add column note text'],
  ["ALTER TABLE apps ADD note text NOT NULL DEFAULT 'drop table apps; rename', ADD COLUMN n numeric(4, 2)"],
  ['alter table apps add column owner integer not null default 1 references organisations (id)'],
  ["-- drop table apps;\nalter table apps add column s text default 'it''s; drop' /* ; rename */"],
  ["comment on table apps is 'x'"],
])('%s only adds', (text) => {
  expect(breaking(text)).toEqual([]);
});

test.each([
  ['drop table points'],
  ['drop index points_at'],
  ['truncate points'],
  ['alter table apps drop column url'],
  ['alter table apps drop constraint apps_name_key'],
  ['alter table apps rename column url to address'],
  ['alter table apps rename to programs'],
  ['alter table apps alter column url set not null'],
  ['alter table apps alter column url type varchar(20)'],
  ['alter table apps add column note text not null'],
  ['alter table apps add column a text, drop column url'],
  ['alter table apps add unique (token)'],
  ['alter table apps add constraint short check (length(name) < 9)'],
  ['alter table apps add column x text unique'],
  ['alter table apps add column x text check (x <> name)'],
  ['create unique index apps_token on apps (token)'],
  ['update managers set maximum = 3'],
  ['delete from settings'],
  ["insert into settings values ('a', 'b')"],
  ['create table apps2 (id int); drop table apps'],
  ['create function f() returns trigger language plpgsql as $$ begin return null; end $$'],
  ['create trigger t before insert on points execute function f()'],
])('%s breaks', (text) => {
  expect(breaking(text)).toHaveLength(1);
});

test('the name of an added column is new to older controllers', () => {
  const names = columns(
    'create table t (id int, a numeric(4, 2) default 1, primary key (id)); alter table t add column b text',
  );
  expect(names).toEqual(['id', 'a', 'b']);
  const text = 'alter table apps add column b text';
  expect(breaking(text, new Set(['a']))).toEqual([]);
  expect(breaking(text, new Set(names))).toHaveLength(1);
});

/**
 * The statements that an older controller may not survive.
 *
 * @param taken names of columns that it knows
 */
function breaking(text: string, taken: ReadonlySet<string> = new Set()): string[] {
  const made = new Set<string>();
  return statementsOf(text).filter((statement) => {
    const table = /^create table (?:if not exists )?(\w+) ?\(/.exec(statement)?.[1];
    if (table) made.add(table);
    return !table && !onlyAdds(statement, made, taken);
  });
}

/** What the columns are called that a file makes, of whatever table. */
function columns(text: string): string[] {
  return statementsOf(text).flatMap((statement) => {
    const made = /^create table (?:if not exists )?\w+ ?\((.*)\)$/.exec(statement)?.[1];
    const parts = partsOf(made ?? /^alter table \w+ (.*)$/.exec(statement)?.[1] ?? '');
    return parts.flatMap((part) => (made ? columnOf(part) : addedColumn(part))?.name ?? []);
  });
}

function statementsOf(text: string): string[] {
  return plain(text)
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Lower case, one space between words, without comments and without what stands in quotes. */
function plain(text: string): string {
  return text
    .replaceAll(/'(?:[^']|'')*'|--[^\n]*|\/\*[\s\S]*?\*\//g, (part) => (part.startsWith("'") ? "''" : ' '))
    .replaceAll(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();
}

/** @param made tables of this file: no older controller knows them, so anything may be done to them */
function onlyAdds(statement: string, made: ReadonlySet<string>, taken: ReadonlySet<string>): boolean {
  if (/^(create index|comment on) /.test(statement)) return true;
  const own = /^(?:alter table|insert into|create unique index \w+ on) (\w+)/.exec(statement)?.[1];
  if (own !== undefined && made.has(own)) return true;
  const actions = /^alter table \w+ (.*)$/.exec(statement)?.[1];
  return actions !== undefined && partsOf(actions).every((action) => mayBeLeftOut(action, taken));
}

/** A row may be written without this column, whatever stands in it. */
function mayBeLeftOut(action: string, taken: ReadonlySet<string>): boolean {
  const column = addedColumn(action);
  if (!column || taken.has(column.name) || /\b(unique|primary|check|generated)\b/.test(column.is))
    return false;
  return !/\bnot null\b/.test(column.is) || /\bdefault\b/.test(column.is);
}

function addedColumn(action: string): { name: string; is: string } | undefined {
  const added = /^add (?:column )?(?:if not exists )?(.*)$/.exec(action)?.[1];
  return added === undefined ? undefined : columnOf(added);
}

function columnOf(part: string): { name: string; is: string } | undefined {
  const [, name, is] =
    /^(?!(?:constraint|unique|primary|foreign|check|exclude|like)\b)(\w+) (.*)$/.exec(part) ?? [];
  return name !== undefined && is !== undefined ? { name, is } : undefined;
}

/** At the commas that stand in no brackets. */
function partsOf(actions: string): string[] {
  let depth = 0;
  const parts = [''];
  for (const sign of actions) {
    depth += sign === '(' ? 1 : sign === ')' ? -1 : 0;
    if (sign === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += sign;
  }
  return parts.map((part) => part.trim());
}
