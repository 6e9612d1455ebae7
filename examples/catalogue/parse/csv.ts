/**
 * Comma-separated values with a header. A record is known by the number of its first line.
 *
 * csv-parse reads the fields, but we find the records: one ends at the first line break where the quotes seen so far are
 * even. The parser's own streaming recovery was tried and rejected: after a stray quote it goes on inside the quote and
 * swallows good lines. Here a record that does not close, or whose lines joined make no sense, costs its first line only,
 * and reading goes on with the second. Records are parsed many at once, and one by one when that fails.
 */
import { parse } from 'csv-parse/sync';
import { Problem } from '../problem.ts';
import { type Line, readLines } from './lines.ts';
import { type Entry, entryFrom, wrong, wrongLine } from './parse.ts';

/** A field may hold line breaks; a quote that has not closed after this many lines never was one. */
const maxLinesPerRecord = 50;

interface RawRecord {
  readonly line: number;
  readonly text: string;
}

export async function* readCsv(chunks: AsyncIterable<Buffer>, maxLineBytes: number): AsyncGenerator<Entry[]> {
  const joiner = createJoiner(maxLineBytes);
  let names: string[] | undefined;
  const entries = (found: readonly (RawRecord | Entry)[]): Entry[] => {
    const all = [...found];
    if (!names && all.length > 0) names = header(all.shift());
    return names ? read(all, names) : [];
  };
  for await (const lines of readLines(chunks, maxLineBytes)) yield entries(lines.flatMap(joiner.take));
  yield entries(joiner.finish());
}

/** Joins physical lines to records. */
function createJoiner(maxLineBytes: number): {
  take(line: Line): (RawRecord | Entry)[];
  finish(): (RawRecord | Entry)[];
} {
  const waiting: RawRecord[] = [];

  const settle = (last: boolean): (RawRecord | Entry)[] => {
    const found: (RawRecord | Entry)[] = [];
    for (let head = waiting[0]; head; head = waiting[0]) {
      const count = linesUntilEven(waiting);
      const joined = waiting
        .slice(0, count)
        .map((line) => line.text)
        .join('\n');
      if (count === 1 || (count > 1 && joined.length <= maxLineBytes && fieldsOf(joined) !== undefined)) {
        found.push({ line: head.line, text: joined });
        waiting.splice(0, count);
      } else if (count > 1 || last || waiting.length >= maxLinesPerRecord) {
        found.push(wrong(head.line, 'csv_malformed', 'a quote opens or closes in the wrong place'));
        waiting.shift();
      } else break;
    }
    return found;
  };

  return {
    take: (line) => {
      if (line.text === undefined) return [...settle(true), wrongLine(line, maxLineBytes)];
      if (line.text.trim() === '' && waiting.length === 0) return [];
      waiting.push({ line: line.line, text: line.text.replace(/\r$/u, '') });
      return settle(false);
    },
    finish: () => settle(true),
  };
}

/** How many of these lines make the quotes even; 0 when not even all of them do. */
function linesUntilEven(lines: readonly RawRecord[]): number {
  let quotes = 0;
  for (const [index, { text }] of lines.entries()) {
    for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) quotes += 1;
    if (quotes % 2 === 0) return index + 1;
  }
  return 0;
}

function read(found: readonly (RawRecord | Entry)[], names: readonly string[]): Entry[] {
  const records = found.filter((one) => 'text' in one);
  const rows = rowsOf(records.map((record) => record.text).join('\n'));
  let next = 0;
  return found.map((one) => {
    if (!('text' in one)) return one;
    const fields = rows?.length === records.length ? rows[next] : fieldsOf(one.text);
    next += 1;
    return entry(one.line, fields, names);
  });
}

function entry(line: number, fields: readonly string[] | undefined, names: readonly string[]): Entry {
  if (!fields) return wrong(line, 'csv_malformed', 'a quote opens or closes in the wrong place');
  if (fields.length > names.length)
    return wrong(line, 'csv_columns', `${fields.length} columns where the header has ${names.length}`);
  return entryFrom(line, Object.fromEntries(names.map((name, column) => [name, fields[column]])));
}

function header(first: RawRecord | Entry | undefined): string[] {
  const names = first && 'text' in first ? fieldsOf(first.text) : undefined;
  const known = names?.map((name) => name.toLowerCase());
  if (known?.some((name) => name === 'title' || name === 'name' || name === 'album')) return known;
  throw new Problem(
    'BODY_MALFORMED',
    'The first line of the CSV body is no header with a column "title". Name the columns there: type,title,artist,isrc,duration,released.',
  );
}

function fieldsOf(text: string): string[] | undefined {
  const rows = rowsOf(text);
  return rows?.length === 1 ? rows[0] : undefined;
}

function rowsOf(text: string): string[][] | undefined {
  try {
    return parse(text, { relax_column_count: true, trim: true });
  } catch {
    return undefined;
  }
}
