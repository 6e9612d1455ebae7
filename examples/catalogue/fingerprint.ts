/**
 * Which tracks are the same recording under another spelling? MinHash with banding finds candidates without comparing a
 * track to every other one; the exact Jaccard similarity of the candidates' shingles then decides.
 *
 * A track becomes the set of its character bigrams and trigrams (artist and title apart from each other) plus two buckets
 * of its duration, so that lengths a few seconds apart still share one. 48 minima over that set are cut into 8 bands of 6:
 * two tracks of similarity s meet in at least one band with probability 1 - (1 - s^6)^8, that is 0.12 at 0.5, 0.91 at 0.8
 * and 0.998 at 0.9. Every band costs a row per track; more of them were not worth their writes. An edit distance against every title of the catalogue was rejected: it
 * grows with the catalogue; SimHash too: its Hamming search needs as many tables and blurs short titles more.
 */
export const bandCount = 8;
const rowsPerBand = 6;
const minimaCount = bandCount * rowsPerBand;

export interface Names {
  readonly artist: string;
  readonly title: string;
  readonly durationSeconds?: number | undefined;
}

export interface Fingerprint {
  readonly shingles: ReadonlySet<number>;
  /** One safe integer per band; equal integers mean a candidate. */
  readonly bands: readonly number[];
}

/** From match keys, see normalise.ts. */
export function fingerprint(names: Names): Fingerprint {
  const shingles = shinglesOf(names);
  return { shingles, bands: bandsOf(minimaOf(shingles)) };
}

export function shinglesOf({ artist, title, durationSeconds }: Names): ReadonlySet<number> {
  const shingles = new Set<number>();
  addGrams(shingles, `a ${artist} `);
  addGrams(shingles, `t ${title} `);
  if (durationSeconds !== undefined) {
    shingles.add(mix(Math.floor(durationSeconds / 10) + 0x5eed));
    shingles.add(mix(Math.floor((durationSeconds + 5) / 10) + 0xbeef));
  }
  return shingles;
}

/** Shared shingles over all shingles, 0 to 1. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const shingle of small) if (large.has(shingle)) shared += 1;
  const all = a.size + b.size - shared;
  return all === 0 ? 1 : shared / all;
}

function addGrams(shingles: Set<number>, text: string): void {
  const points = Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
  const kind = points[0] ?? 0;
  for (let at = 1; at + 1 < points.length; at += 1) {
    const pair = mix(mix(kind ^ (points[at] ?? 0)) + (points[at + 1] ?? 0));
    shingles.add(pair);
    if (at + 2 < points.length) shingles.add(mix(pair + (points[at + 2] ?? 0)));
  }
}

function minimaOf(shingles: ReadonlySet<number>): Uint32Array {
  const minima = new Uint32Array(minimaCount).fill(0xffffffff);
  for (const shingle of shingles)
    for (let row = 0; row < minimaCount; row += 1) {
      const hash = mix(shingle ^ Math.imul(row + 1, 0x9e3779b1));
      if (hash < (minima[row] ?? 0)) minima[row] = hash;
    }
  return minima;
}

/** The band's number stands in the high bits, so that equal rows in different bands do not meet. */
function bandsOf(minima: Uint32Array): number[] {
  return Array.from({ length: bandCount }, (_, band) => {
    let hash = band;
    for (let row = 0; row < rowsPerBand; row += 1) hash = mix(hash ^ (minima[band * rowsPerBand + row] ?? 0));
    return band * 2 ** 32 + hash;
  });
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
