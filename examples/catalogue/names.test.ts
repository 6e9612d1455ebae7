import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bandCount, fingerprint, jaccard, shinglesOf } from './fingerprint.ts';
import { matchKey, sortKey, tidy } from './normalise.ts';
import { checkCollection, checkTrack, parseDate, parseDuration, parseIsrc } from './validate.ts';

const now = Date.UTC(2025, 0, 1);
const name = fc.string({ unit: 'grapheme', maxLength: 40 });

describe('names', () => {
  test.each([
    ['Sigurður  Rós\u200b', 'sigurdur ros'],
    ['SIGUR\u0301 RO\u0301S', 'sigur ros'],
    ['Straße & Groß', 'strasse and gross'],
    ['Don’t “Stop”', 'dont stop'],
    ['Song (Remastered 2011)', 'song'],
    ['Song feat. Ana', 'song'],
    ['ﬁne ½', 'fine 1 2'],
    ['Øverland Æsir Łódź', 'overland aesir lodz'],
    ['!!!', '!!!'],
    ['さくら', 'さくら'],
    ['Ἀθῆναι', 'αθηναι'],
  ])('%s matches as %s', (given, key) => {
    expect(matchKey(given)).toBe(key);
  });

  test('spellings of one name have one match key', () => {
    fc.assert(
      fc.property(name, (text) => {
        const key = matchKey(text);
        expect(matchKey(text.normalize('NFD'))).toBe(key);
        expect(matchKey(text.normalize('NFC'))).toBe(key);
        expect(matchKey(`  ${text}\u200b `)).toBe(key);
      }),
    );
  });

  test('tidying twice changes nothing more, and a key is empty only for an empty name', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(tidy(tidy(text))).toBe(tidy(text));
        expect(matchKey(text) === '').toBe(tidy(text) === '');
      }),
    );
  });

  test('articles go behind for sorting', () => {
    expect(sortKey('The  BEATLES')).toBe('beatles, the');
    expect(sortKey('Les Rita Mitsouko')).toBe('rita mitsouko, les');
    expect(sortKey('Thea')).toBe('thea');
  });
});

describe('fingerprints', () => {
  const words = fc.array(fc.constantFrom(...'river night glass ghost summer echo paper machine'.split(' ')), {
    minLength: 1,
    maxLength: 6,
  });
  const names = fc.record({
    title: words.map((list) => list.join(' ')),
    artist: words.map((list) => list.join(' ')),
    durationSeconds: fc.integer({ min: 1, max: 600 }),
  });

  test('the same track has the same bands, and similarity is symmetric between 0 and 1', () => {
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(fingerprint({ ...a })).toEqual(fingerprint(a));
        const similarity = jaccard(shinglesOf(a), shinglesOf(b));
        expect(similarity).toBe(jaccard(shinglesOf(b), shinglesOf(a)));
        expect(similarity).toBeGreaterThanOrEqual(0);
        expect(similarity).toBeLessThanOrEqual(1);
        expect(jaccard(shinglesOf(a), shinglesOf(a))).toBe(1);
      }),
    );
  });

  test('bands are distinct safe integers', () => {
    fc.assert(
      fc.property(names, (a) => {
        const { bands } = fingerprint(a);
        expect(new Set(bands).size).toBe(bandCount);
        expect(bands.every(Number.isSafeInteger)).toBe(true);
      }),
    );
  });

  test('near spellings meet in a band, other songs do not', () => {
    const a = fingerprint({ artist: 'sigur ros', title: 'hoppipolla', durationSeconds: 269 });
    const near = fingerprint({ artist: 'sigur ros', title: 'hoppipola', durationSeconds: 271 });
    const far = fingerprint({ artist: 'the beatles', title: 'yesterday', durationSeconds: 125 });
    const meets = (b: typeof a): boolean => b.bands.some((band) => a.bands.includes(band));
    expect(meets(near)).toBe(true);
    expect(jaccard(a.shingles, near.shingles)).toBeGreaterThan(0.8);
    expect(meets(far)).toBe(false);
  });
});

describe('validation', () => {
  test('a good track passes, from numbers as from a CSV of text', () => {
    const { value, notes } = checkTrack(
      { title: ' A  b ', artist: 'C', isrc: 'gb-aye-68-00123', duration: '3:35', year: '2011' },
      now,
    );
    expect(notes).toEqual([]);
    expect(value).toMatchObject({
      title: 'A b',
      artist: 'C',
      isrc: 'GBAYE6800123',
      durationSeconds: 215,
      released: '2011',
    });
  });

  test.each([
    [{ artist: 'a' }, 'title_missing'],
    [{ title: ' \u200b', artist: 'a' }, 'title_missing'],
    [{ title: 't' }, 'artist_missing'],
    [{ title: {}, artist: 'a' }, 'title_type'],
    [{ title: 'x'.repeat(501), artist: 'a' }, 'title_long'],
    [{ title: 't', artist: 'a', isrc: 'nope' }, 'isrc_wrong'],
    [{ title: 't', artist: 'a', isrc: 5 }, 'isrc_wrong'],
    [{ title: 't', artist: 'a', duration: -3 }, 'duration_wrong'],
    [{ title: 't', artist: 'a', duration: 'long' }, 'duration_wrong'],
    [{ title: 't', artist: 'a', released: '2011-02-30' }, 'date_wrong'],
    [{ title: 't', artist: 'a', released: 2099 }, 'date_future'],
  ])('%j is rejected for %s', (fields, code) => {
    const { value, notes } = checkTrack(fields, now);
    expect(value).toBeUndefined();
    expect(notes.filter((note) => note.grade === 'rejected').map((note) => note.code)).toEqual([code]);
  });

  test('what is merely untidy is noted and kept', () => {
    const { value, notes } = checkTrack(
      { title: 't', artist: 'a', catalog: '?', label: '?', year: '?' },
      now,
    );
    expect(value?.title).toBe('t');
    expect(notes.map(({ grade, code }) => `${grade} ${code}`)).toEqual([
      'noted date_missing',
      'noted catalogue_number_unknown',
      'noted label_unknown',
    ]);
  });

  test('a playlist needs an owner and a list', () => {
    expect(
      checkCollection('playlist', { title: 'p', owner: 'o', tracks: ['1', 2] }, now).value?.members,
    ).toEqual(['1', '2']);
    expect(checkCollection('playlist', { title: 'p', owner: 'o', tracks: {} }, now).value).toBeUndefined();
    expect(checkCollection('album', { title: 'p' }, now).value).toBeUndefined();
  });

  test('dates that exist are read, others not', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const text = date.toISOString().slice(0, 10);
          expect(parseDate(text)).toBe(text);
        },
      ),
    );
    for (const text of ['2011-2-1', '11', '2011-13', '2011-00-01', '2023-02-29', 'x'])
      expect(parseDate(text)).toBeUndefined();
  });

  test('ISRCs and durations in their usual spellings', () => {
    expect(parseIsrc('ISRC US-S1Z-99-00001')).toBe('USS1Z9900001');
    expect(parseIsrc('USS1Z990000')).toBeUndefined();
    expect(parseDuration('1:02:03')).toBe(3723);
    expect(parseDuration('12.5')).toBe(12.5);
    expect(parseDuration(true)).toBeUndefined();
    expect(parseDuration(Number.NaN)).toBeUndefined();
  });

  test('no value of any field makes it throw', () => {
    const anything = fc.dictionary(
      fc.constantFrom('title', 'artist', 'isrc', 'duration', 'year', 'tracks', 'label'),
      fc.anything(),
    );
    fc.assert(
      fc.property(anything, (fields) => {
        const checked = checkTrack(fields, now);
        expect(checked.value === undefined).toBe(checked.notes.some((note) => note.grade === 'rejected'));
        checkCollection('album', fields, now);
      }),
    );
  });
});
