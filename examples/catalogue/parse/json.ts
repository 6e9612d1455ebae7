/**
 * A JSON body cut into its elements while it streams in: an array of tracks, or an object with the lists `tracks`,
 * `albums` and `playlists`. An element's number counts as its line.
 *
 * Only the outline is followed byte by byte (brackets, strings, commas); each element's text then goes to JSON.parse on
 * its own, so one malformed element is one wrong line. Parsing the whole body at once was rejected: 300,000 tracks would
 * stand in memory several times over. A general streaming parser was rejected: it makes an event of every value.
 */
import { isUtf8 } from 'node:buffer';
import { Problem } from '../problem.ts';
import type { Kind } from '../validate.ts';
import { type Entry, entryOf, tooLong, wrong } from './parse.ts';

const code = (letter: string): number => letter.charCodeAt(0);
const quote = code('"');
const backslash = code('\\');
const comma = code(',');
const colon = code(':');
const openList = code('[');
const closeList = code(']');
const openObject = code('{');
const closeObject = code('}');
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);
const lists: Readonly<Record<string, Kind>> = { tracks: 'track', albums: 'album', playlists: 'playlist' };

/** Where in the outline the next byte stands. */
type Place = 'start' | 'object' | 'key' | 'colon' | 'list' | 'element' | 'after-list' | 'end';

export async function* readJson(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Entry[]> {
  const outline = createOutline(maxLineBytes);
  for await (const chunk of chunks) yield outline.take(chunk);
  yield outline.finish();
}

function createOutline(maxLineBytes: number): { take(chunk: Buffer): Entry[]; finish(): Entry[] } {
  let place: Place = 'start';
  let inObject = false;
  let kind: Kind = 'track';
  let line = 0;
  let key = '';
  const element = createElement(maxLineBytes);

  const step = (byte: number): void => {
    if (place !== 'key' && blanks.has(byte)) return;
    if (place === 'start') place = start(byte);
    else if (place === 'object') place = byte === quote ? 'key' : closing(byte, closeObject, 'a name');
    else if (place === 'key') {
      if (byte === quote) place = 'colon';
      else if (key.length < 20) key += String.fromCharCode(byte);
    } else if (place === 'colon') {
      if (byte === colon) return;
      kind = listOf(key);
      key = '';
      if (byte !== openList) throw malformed(`"${kind}s" is not a list`);
      place = 'list';
    } else if (place === 'after-list') {
      if (byte !== comma) place = closing(byte, closeObject, 'a comma');
      else place = 'object';
    } else if (place === 'end') throw malformed('something follows the end');
  };
  const start = (byte: number): Place => {
    inObject = byte === openObject;
    if (!inObject && byte !== openList) throw malformed('it begins with neither [ nor {');
    return inObject ? 'object' : 'list';
  };
  const afterElement = (byte: number): Place => (byte === comma ? 'list' : inObject ? 'after-list' : 'end');

  const take = (chunk: Buffer): Entry[] => {
    const entries: Entry[] = [];
    let from = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (place === 'element') {
        if (!element.ends(byte)) continue;
        element.keep(chunk.subarray(from, at));
        entries.push(element.finish(line, kind));
        place = afterElement(byte);
      } else if (place === 'list') {
        if (blanks.has(byte)) continue;
        if (byte === closeList) place = inObject ? 'after-list' : 'end';
        else {
          place = 'element';
          line += 1;
          from = at;
          // A comma without an element before it ends it at once, as a malformed one.
          at -= 1;
        }
      } else step(byte);
    }
    if (place === 'element') element.keep(chunk.subarray(from));
    return entries;
  };
  const finish = (): Entry[] => {
    if (place === 'end') return [];
    if (place === 'start') throw new Problem('BODY_EMPTY', 'The body is empty. Send at least one line.');
    return [wrong(line + 1, 'json_unfinished', 'the JSON ends in the middle; everything before was read')];
  };
  return { take, finish };
}

/** Follows one element to the comma or bracket behind it. */
function createElement(maxLineBytes: number): {
  ends(byte: number): boolean;
  keep(piece: Buffer): void;
  finish(line: number, kind: Kind): Entry;
} {
  let depth = 0;
  let inString = false;
  let escaped = false;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  return {
    ends: (byte) => {
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === openObject || byte === openList) depth += 1;
      else if (depth === 0) return byte === comma || byte === closeList;
      else if (byte === closeObject || byte === closeList) depth -= 1;
      return false;
    },
    keep: (piece) => {
      keptBytes += piece.length;
      if (keptBytes <= maxLineBytes) kept.push(piece);
      else kept = [];
    },
    finish: (line, kind) => {
      const bytes = Buffer.concat(kept);
      const long = keptBytes > maxLineBytes;
      kept = [];
      keptBytes = 0;
      if (long) return tooLong(line, maxLineBytes);
      return isUtf8(bytes)
        ? entryOf(line, bytes.toString('utf8'), kind)
        : wrong(line, 'not_utf8', 'not UTF-8');
    },
  };
}

function closing(byte: number, expected: number, what: string): Place {
  if (byte === expected) return 'end';
  throw malformed(`${what} is missing`);
}

function listOf(key: string): Kind {
  const kind = lists[key];
  if (kind) return kind;
  throw malformed(`"${key.slice(0, 20)}" is none of ${Object.keys(lists).join(', ')}`);
}

function malformed(why: string): Problem {
  return new Problem(
    'BODY_MALFORMED',
    `The JSON body cannot be read: ${why}. Send an array of tracks or {"tracks": [...], "albums": [...], "playlists": [...]}.`,
  );
}
