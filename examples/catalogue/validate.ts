/**
 * What a distributor sent, made into a track, an album or a playlist: or told why it cannot be.
 *
 * Two grades. What makes a line useless (no title, a wrong ISRC, a duration of -3) rejects it; what is merely untidy (no year,
 * a catalogue number "?") is stored and noted, because a catalogue that refuses every untidy line stays empty. CSV brings
 * strings and JSON brings numbers; both are read alike, under the names distributors really use.
 */
import { tidy } from './normalise.ts';

export type Kind = 'track' | 'album' | 'playlist';
export const kinds: readonly Kind[] = ['track', 'album', 'playlist'];
export type Fields = Readonly<Record<string, unknown>>;

export interface Note {
  readonly grade: 'rejected' | 'noted';
  readonly code: string;
  /** What is wrong and what would be right, for the distributor. */
  readonly text: string;
}

export interface Track {
  readonly kind: 'track';
  readonly reference?: string | undefined;
  readonly title: string;
  readonly artist: string;
  readonly album?: string | undefined;
  readonly label?: string | undefined;
  readonly isrc?: string | undefined;
  readonly durationSeconds?: number | undefined;
  readonly released?: string | undefined;
}

export interface Collection {
  readonly kind: 'album' | 'playlist';
  readonly reference?: string | undefined;
  readonly title: string;
  /** The album's artist, or who made the playlist. */
  readonly by: string;
  readonly released?: string | undefined;
  /** References or ISRCs of its tracks, in order. */
  readonly members: readonly string[];
}

export interface Checked<T> {
  /** Absent when a note rejects it. */
  readonly value?: T;
  readonly notes: readonly Note[];
}

const longest = { title: 500, reference: 200, members: 10_000 };

export function checkTrack(fields: Fields, now: number): Checked<Track> {
  const notes: Note[] = [];
  const track: Track = {
    kind: 'track',
    reference: optionalText(fields, ['reference', 'ref', 'id'], notes),
    title: requiredText(fields, ['title', 'name'], notes),
    artist: requiredText(fields, ['artist', 'trackartist', 'track_artist'], notes),
    album: optionalText(fields, ['album', 'release'], notes),
    label: optionalText(fields, ['label', 'distributor'], notes),
    isrc: isrcOf(fields, notes),
    durationSeconds: durationOf(fields, notes),
    released: dateOf(fields, now, notes),
  };
  noteUntidy(fields, notes);
  return result(track, notes);
}

export function checkCollection(
  kind: 'album' | 'playlist',
  fields: Fields,
  now: number,
): Checked<Collection> {
  const notes: Note[] = [];
  const by = kind === 'album' ? ['artist', 'albumartist'] : ['owner', 'by', 'artist'];
  const collection: Collection = {
    kind,
    reference: optionalText(fields, ['reference', 'ref', 'id'], notes),
    title: requiredText(fields, ['title', 'album', 'name'], notes),
    by: requiredText(fields, by, notes),
    released:
      first(fields, ['released', 'release_date', 'releaseDate', 'year']) === undefined
        ? undefined
        : dateOf(fields, now, notes),
    members: membersOf(fields, notes),
  };
  return result(collection, notes);
}

/**
 * ISO 3901: two letters of country, three of registrant, two digits of year, five of designation; hyphens are for the eye.
 * @returns the twelve characters, or undefined when it is none
 */
export function parseIsrc(text: string): string | undefined {
  const bare = text
    .replace(/^ISRC[\s:]*/iu, '')
    .replace(/[\s-]/gu, '')
    .toUpperCase();
  return /^[A-Z]{2}[A-Z0-9]{3}\d{7}$/u.test(bare) ? bare : undefined;
}

/** Year, year and month, or a whole date that exists: `2011`, `2011-02`, `2011-02-28`. */
export function parseDate(text: string): string | undefined {
  const [, year, month, day] = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?$/u.exec(text.trim()) ?? [];
  if (!year) return undefined;
  const date = new Date(Date.UTC(Number(year), Number(month ?? 1) - 1, Number(day ?? 1)));
  const same = date.getUTCMonth() + 1 === Number(month ?? 1) && date.getUTCDate() === Number(day ?? 1);
  return same && Number(year) > 0 ? text.trim() : undefined;
}

/** Seconds as a number or a string of one, or `3:25` and `1:02:03`. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const clock = /^(?:(\d+):)?(\d{1,3}):(\d{2}(?:\.\d+)?)$/u.exec(value.trim());
  if (clock) return Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  return /^-?\d+(\.\d+)?$/u.test(value.trim()) ? Number(value) : undefined;
}

function result<T>(value: T, notes: readonly Note[]): Checked<T> {
  return notes.some((note) => note.grade === 'rejected') ? { notes } : { value, notes };
}

function requiredText(fields: Fields, names: readonly string[], notes: Note[]): string {
  const text = textOf(fields, names, notes);
  const name = names[0] ?? '';
  if (text === undefined || text === '')
    notes.push(rejected(`${name}_missing`, `${name} is missing or empty`));
  return text ?? '';
}

function optionalText(fields: Fields, names: readonly string[], notes: Note[]): string | undefined {
  const text = textOf(fields, names, notes);
  return text === '' ? undefined : text;
}

function textOf(fields: Fields, names: readonly string[], notes: Note[]): string | undefined {
  const value = first(fields, names);
  if (value === undefined) return undefined;
  const name = names[0] ?? '';
  if (typeof value !== 'string' && typeof value !== 'number') {
    notes.push(rejected(`${name}_type`, `${name} must be text, not ${kindOf(value)}`));
    return 'x';
  }
  const text = tidy(String(value));
  const limit = name === 'reference' ? longest.reference : longest.title;
  if (text.length > limit)
    notes.push(rejected(`${name}_long`, `${name} has ${text.length} characters; at most ${limit}`));
  return text;
}

function isrcOf(fields: Fields, notes: Note[]): string | undefined {
  const value = first(fields, ['isrc']);
  if (value === undefined) return undefined;
  const isrc = typeof value === 'string' ? parseIsrc(value) : undefined;
  if (isrc === undefined)
    notes.push(rejected('isrc_wrong', `isrc ${quoted(value)} is none: like "GB-AYE-68-00123"`));
  return isrc;
}

function durationOf(fields: Fields, notes: Note[]): number | undefined {
  const value = first(fields, ['duration', 'duration_seconds', 'durationSeconds']);
  if (value === undefined) return undefined;
  const seconds = parseDuration(value);
  if (seconds === undefined || seconds <= 0 || seconds > 86_400)
    notes.push(
      rejected(
        'duration_wrong',
        `duration ${quoted(value)} is not between 0 and 86400 seconds: like 215 or "3:35"`,
      ),
    );
  return seconds;
}

function dateOf(fields: Fields, now: number, notes: Note[]): string | undefined {
  const value = first(fields, ['released', 'release_date', 'releaseDate', 'year']);
  if (value === undefined || value === '?') {
    notes.push(noted('date_missing', 'no release date'));
    return undefined;
  }
  const date = typeof value === 'number' || typeof value === 'string' ? parseDate(String(value)) : undefined;
  if (date === undefined) {
    notes.push(
      rejected('date_wrong', `release date ${quoted(value)} does not exist: like 2011 or "2011-02-28"`),
    );
    return undefined;
  }
  // Pre-orders are announced up to two years ahead; more is a slip of the keyboard.
  if (Number(date.slice(0, 4)) > new Date(now).getUTCFullYear() + 2)
    notes.push(rejected('date_future', `release date ${date} is more than two years ahead`));
  return date;
}

function membersOf(fields: Fields, notes: Note[]): string[] {
  const value = first(fields, ['tracks', 'members']);
  const list = typeof value === 'string' ? value.split('|') : value;
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length > longest.members) {
    notes.push(rejected('tracks_wrong', `tracks must be a list of at most ${longest.members} references`));
    return [];
  }
  return list.filter((entry) => typeof entry === 'string' || typeof entry === 'number').map(String);
}

function noteUntidy(fields: Fields, notes: Note[]): void {
  if (first(fields, ['catalog', 'catalogue']) === '?')
    notes.push(noted('catalogue_number_unknown', 'the catalogue number is "?"'));
  if (first(fields, ['label', 'distributor']) === '?') notes.push(noted('label_unknown', 'the label is "?"'));
}

/** The first of these fields that says anything; empty cells of a CSV say nothing. */
function first(fields: Fields, names: readonly string[]): unknown {
  for (const name of names) {
    const value = fields[name];
    if (value !== undefined && value !== null && value !== '') return value;
  }
  return undefined;
}

function rejected(code: string, text: string): Note {
  return { grade: 'rejected', code, text };
}

function noted(code: string, text: string): Note {
  return { grade: 'noted', code, text };
}

function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : typeof value;
}
