/**
 * A body of tracks, albums and playlists as it streams in, cut into entries with the number of their line. Whatever
 * is wrong with one line is an entry too, so the rest goes on. Memory is bounded by the longest line.
 */
import { Problem } from '../problem.ts';
import { type Fields, type Kind, kinds } from '../validate.ts';
import { readCsv } from './csv.ts';
import { readJson } from './json.ts';
import type { Line } from './lines.ts';
import { readNdjson } from './ndjson.ts';

export type Entry =
  | { readonly line: number; readonly kind: Kind; readonly fields: Fields }
  | { readonly line: number; readonly wrong: LineProblem };

export interface LineProblem {
  readonly code: string;
  readonly text: string;
}

/** Entries by the chunk they came in, so that a large upload costs one turn per chunk and not per line. */
export type Reader = (chunks: AsyncIterable<Buffer>, maxLineBytes: number) => AsyncGenerator<Entry[]>;

const readers: Readonly<Record<string, Reader>> = {
  'application/x-ndjson': readNdjson,
  'application/ndjson': readNdjson,
  'application/jsonl': readNdjson,
  'application/json': readJson,
  'text/csv': readCsv,
};

export function readerFor(contentType: string | undefined): Reader {
  const type = (contentType ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const reader = readers[type];
  if (reader) return reader;
  throw new Problem(
    'CONTENT_TYPE_UNKNOWN',
    `The content type is ${type === '' ? 'missing' : `"${type.slice(0, 80)}"`}, and uploads are read as one of three. ` +
      'Send application/x-ndjson (one object per line), application/json (an array, or {tracks, albums, playlists}) or text/csv.',
  );
}

/** Parses the text of one object; `kind` is what it is when it does not say. */
export function entryOf(line: number, text: string, kind: Kind = 'track'): Entry {
  try {
    return entryFrom(line, JSON.parse(text), kind);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return wrong(line, 'json_malformed', `not JSON: ${why.slice(0, 120)}`);
  }
}

export function entryFrom(line: number, value: unknown, kind: Kind = 'track'): Entry {
  if (!isFields(value))
    return wrong(line, 'not_an_object', 'not an object with fields such as title and artist');
  const said = value.type ?? value.kind;
  if (said === undefined || said === null || said === '') return { line, kind, fields: value };
  const known = kinds.find((name) => name === said);
  if (known) return { line, kind: known, fields: value };
  return wrong(
    line,
    'type_unknown',
    `type ${JSON.stringify(said).slice(0, 60)} is none of ${kinds.join(', ')}`,
  );
}

export function wrong(line: number, code: string, text: string): Entry {
  return { line, wrong: { code, text } };
}

export function tooLong(line: number, maxLineBytes: number): Entry {
  return wrong(line, 'line_too_long', `longer than ${maxLineBytes} bytes`);
}

export function wrongLine(line: Line, maxLineBytes: number): Entry {
  return line.wrong === 'too-long'
    ? tooLong(line.line, maxLineBytes)
    : wrong(line.line, 'not_utf8', 'not UTF-8');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
