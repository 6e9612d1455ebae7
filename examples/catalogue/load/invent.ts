/**
 * An invented catalogue that is as untidy as a real one, without end and without a file: artists with accents, ligatures,
 * other scripts and typographic quotes, titles with versions and guests, and now and then a recording that came before under
 * another spelling, so that there is something to match. Every line is storable; what is malformed is for the tests.
 */
import type { Chance } from './chance.ts';

/** As a distributor sends it; all values are text or numbers so that CSV carries the same. */
export interface SentTrack {
  readonly reference: string;
  readonly title: string;
  readonly artist: string;
  readonly album?: string;
  readonly label?: string;
  readonly catalog?: string;
  readonly isrc?: string;
  readonly duration?: number | string;
  readonly released?: string;
}

const given =
  'Ana José Łukasz Zoë Björk Sigurður Mehmet Nguyễn Olga Ивана Дмитрий Θεοδώρα さくら 민준 Aoife François Jürgen Chloë Kofi Amélie Bogdan Ingrid Pablo Yara'.split(
    ' ',
  );
const family =
  'Nuñez O’Brien Müller Kowalczyk Straße Þórsdóttir Işık Trần Петрова Παπάς 山田 박 MacLeod Lefèvre Groß Øverland Mensah da Silva Čapek van-Dyk Æsir Fischer'.split(
    ' ',
  );
const nouns =
  'River Night Glass Ghost Summer Echo Paper Winter Machine Garden Static Mirror Ocean Signal Desert Engine Harbour Lantern Velvet Orbit Thunder Sugar Copper Meadow Ñandú Über Café Déjà-vu'.split(
    ' ',
  );
const deeds =
  'Falling Dancing Burning Waiting Running Dreaming Drifting Breathing Calling Shining Turning Fading Rising Leaving Sleeping Breaking'.split(
    ' ',
  );
const genres = ['Records', 'Music', 'Tapes', 'Sounds', 'Collective', '& Sons', 'Netlabel'];

export function inventTracks(
  chance: Chance,
  run: string,
): (label: string, count: number) => Iterable<SentTrack> {
  let number = 0;
  const earlier: SentTrack[] = [];
  return function* (label, count) {
    let left = 0;
    let album = { artist: '', title: '', released: '' };
    for (let index = 0; index < count; index += 1) {
      if (left === 0) {
        album = inventAlbum(chance);
        left = chance.whole(1, 14);
      }
      left -= 1;
      number += 1;
      const reference = `${run}-${number}`;
      const before = earlier.length > 50 && chance.next() < 0.04 ? chance.pick(earlier) : undefined;
      const track = before
        ? respell(chance, before, reference)
        : inventTrack(chance, album, label, reference, number);
      // Bounded: what may come again is a sample of what came.
      if (earlier.length < 2_000) earlier.push(track);
      else if (chance.next() < 0.05) earlier[chance.whole(0, earlier.length - 1)] = track;
      yield track;
    }
  };
}

export function inventLabel(chance: Chance): string {
  return `${chance.pick(nouns)} ${chance.pick(genres)}`;
}

function inventAlbum(chance: Chance): { artist: string; title: string; released: string } {
  const band = chance.next() < 0.5;
  const artist = band
    ? `${chance.pick(['The ', 'Les ', 'DJ ', ''])}${chance.pick(deeds)} ${chance.pick(nouns)}s`
    : `${chance.pick(given)} ${chance.pick(family)}`;
  const date = `${chance.whole(1968, 2024)}`;
  const released =
    chance.next() < 0.3 ? date : `${date}-${two(chance.whole(1, 12))}-${two(chance.whole(1, 28))}`;
  return { artist, title: `${chance.pick(nouns)} of ${chance.pick(nouns)}`, released };
}

function inventTrack(
  chance: Chance,
  album: { artist: string; title: string; released: string },
  label: string,
  reference: string,
  number: number,
): SentTrack {
  const words = `${chance.pick(deeds)} ${chance.pick(['in', 'to', 'with', '&', 'under', '—'])} the ${chance.pick(nouns)}`;
  const tails = [
    '',
    '',
    '',
    '',
    ` (feat. ${chance.pick(given)})`,
    ' (Remastered 2011)',
    ` Pt. ${chance.whole(1, 9)}`,
    ' [Live]',
  ];
  return {
    reference,
    title: `${words} ${chance.pick(nouns)}${chance.pick(tails)}`,
    artist: album.artist,
    album: album.title,
    label,
    isrc: isrc(number),
    duration: chance.whole(45, 600),
    released: album.released,
  };
}

/** The same recording as another distributor would write it down. */
function respell(chance: Chance, track: SentTrack, reference: string): SentTrack {
  const spell = chance.pick([
    (text: string) => text.toUpperCase(),
    (text: string) => text.normalize('NFD'),
    (text: string) => text.replace(/’/g, "'").replace(/&/g, 'and'),
    (text: string) => `  ${text.replace(/ /g, '  ')} `,
  ]);
  const { isrc: _, ...rest } = track;
  return { ...rest, reference, title: spell(track.title), artist: spell(track.artist) };
}

function isrc(number: number): string {
  const registrant = String(Math.floor(number / 100_000) % 1_000).padStart(3, '0');
  return `ZZ-${registrant}-24-${String(number % 100_000).padStart(5, '0')}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
