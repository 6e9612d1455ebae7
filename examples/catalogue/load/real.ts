/**
 * A real catalogue from two files, `tracks.csv.gz` and `releases.csv.gz`: a track's `id` names its release, and the release's
 * label plays the distributor. What is untidy stays untidy; telling so line by line is the API's part.
 */
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { Problem } from '../problem.ts';
import type { SentTrack } from './invent.ts';

type Row = Readonly<Record<string, string>>;

/** @returns tracks by distributor, without a reference yet, in the order of the file */
export async function readCatalogue(folder: string): Promise<Map<string, Omit<SentTrack, 'reference'>[]>> {
  const releases = new Map<string, Row>();
  for await (const row of rows(folder, 'releases.csv.gz')) releases.set(row.id ?? '', row);
  const byLabel = new Map<string, Omit<SentTrack, 'reference'>[]>();
  for await (const row of rows(folder, 'tracks.csv.gz')) {
    const release = releases.get(row.id ?? '') ?? {};
    const label = release.label ?? '?';
    const list = byLabel.get(label) ?? [];
    list.push(trackOf(row, release, label));
    byLabel.set(label, list);
  }
  return byLabel;
}

function trackOf(row: Row, release: Row, label: string): Omit<SentTrack, 'reference'> {
  return {
    title: row.title ?? '',
    artist: row.trackartist ?? '',
    album: release.album ?? '',
    label,
    catalog: release.catalog ?? '',
    duration: row.duration ?? '',
    released: release.year ?? '',
  };
}

async function* rows(folder: string, name: string): AsyncGenerator<Row> {
  const path = join(folder, name);
  if (!existsSync(path))
    throw new Problem(
      'SETTING_INVALID',
      `${path} is missing. --catalogue needs a folder with tracks.csv.gz and releases.csv.gz.`,
    );
  const file = createReadStream(path);
  const unzipped = file.pipe(createGunzip());
  const parser = unzipped.pipe(parse({ columns: true, bom: true, relax_column_count: true }));
  for (const stream of [file, unzipped]) stream.on('error', (error: Error) => parser.destroy(error));
  yield* parser as AsyncIterable<Row>;
}
