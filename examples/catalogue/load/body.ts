/** One upload as bytes: the tracks of a distributor, and now and then an album and a playlist of them, in one of three formats. */
import type { Chance } from './chance.ts';
import type { SentTrack } from './invent.ts';

export type Format = 'ndjson' | 'json' | 'csv';

export interface Body {
  readonly contentType: string;
  readonly text: string;
  readonly tracks: number;
  readonly collections: number;
}

const contentTypes: Readonly<Record<Format, string>> = {
  ndjson: 'application/x-ndjson',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8',
};
const columns = [
  'reference',
  'title',
  'artist',
  'album',
  'label',
  'catalog',
  'isrc',
  'duration',
  'released',
] as const;

export function bodyOf(tracks: readonly SentTrack[], format: Format, chance: Chance): Body {
  const withLists = format !== 'csv' && tracks.length >= 5 && chance.next() < 0.3;
  const albums = withLists ? [albumOf(tracks)] : [];
  const playlists = withLists ? [playlistOf(tracks)] : [];
  const collections = albums.length + playlists.length;
  const contentType = contentTypes[format];
  return { contentType, text: write(format, tracks, albums, playlists), tracks: tracks.length, collections };
}

function write(format: Format, tracks: readonly SentTrack[], albums: object[], playlists: object[]): string {
  if (format === 'csv') return `${[columns.join(','), ...tracks.map(csvLine)].join('\n')}\n`;
  if (format === 'json') return JSON.stringify(albums.length > 0 ? { tracks, albums, playlists } : tracks);
  const typed = [
    ...tracks,
    ...albums.map((album) => ({ type: 'album', ...album })),
    ...playlists.map((list) => ({ type: 'playlist', ...list })),
  ];
  return `${typed.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

function albumOf(tracks: readonly SentTrack[]): object {
  const [first] = tracks;
  const title = first?.album || 'Singles';
  const members = tracks.slice(0, 20).map((track) => track.reference);
  return {
    reference: `${first?.reference}a`,
    title,
    artist: first?.artist || 'Various Artists',
    tracks: members,
  };
}

function playlistOf(tracks: readonly SentTrack[]): object {
  const [first] = tracks;
  const members = tracks.filter((_, index) => index % 3 === 0).slice(0, 100);
  const owner = first?.label || 'a distributor';
  return {
    reference: `${first?.reference}p`,
    title: 'New this week',
    owner,
    tracks: members.map((track) => track.reference),
  };
}

function csvLine(track: SentTrack): string {
  return columns.map((column) => csvField(String(track[column] ?? ''))).join(',');
}

function csvField(text: string): string {
  return /[",\n\r]/.test(text) || text !== text.trim() ? `"${text.replace(/"/g, '""')}"` : text;
}
