/**
 * Who sends what and when. Bursts come at moments nobody can foresee; each is one distributor with much, while others bring
 * a track or two, as labels do on a Friday. Sizes have a heavy tail: most uploads are tiny, a few hold a good part of all.
 */
import type { Chance } from './chance.ts';
import { inventLabel, inventTracks, type SentTrack } from './invent.ts';
import { readCatalogue } from './real.ts';

export interface Burst {
  /** Pause before it. */
  readonly pauseMs: number;
  /** Uploads that are sent at the same time, made when it is their turn. */
  readonly uploads: readonly (() => readonly SentTrack[])[];
  readonly tracks: number;
}

export interface PlanOptions {
  readonly tracks: number;
  readonly run: string;
  /** Folder of a real catalogue; its whole content is sent once, and `tracks` does not count. */
  readonly catalogue?: string;
}

export async function* planBursts(options: PlanOptions, chance: Chance): AsyncGenerator<Burst> {
  const sizes = createSizes(chance);
  const supply = await createSupply(options, chance);
  while (supply.left() > 0) {
    const wanted = sizes(supply.left(), supply.total);
    const uploads = wanted.map((count) => supply.take(count)).filter((upload) => upload.count > 0);
    const tracks = uploads.reduce((sum, upload) => sum + upload.count, 0);
    yield { pauseMs: chance.whole(300, 2_500), uploads: uploads.map((upload) => upload.make), tracks };
  }
}

/** Sizes of the uploads of one burst. The first burst is large, because an autoscaler that only meets drizzle proves nothing. */
function createSizes(chance: Chance): (left: number, total: number) => number[] {
  let first = true;
  return (left, total) => {
    const share = first ? 0.35 + chance.next() * 0.15 : chance.heavy(1, 30, 0.9) / 100;
    first = false;
    const large = Math.max(1, Math.floor(total * share));
    const small = Array.from({ length: chance.whole(40, 120) }, () => chance.heavy(1, 40, 1.1));
    return shareOut([...small.slice(0, 5), large, ...small.slice(5)], left);
  };
}

/** Cuts the list where nothing is left. */
function shareOut(sizes: readonly number[], left: number): number[] {
  let rest = left;
  return sizes.map((size) => {
    const taken = Math.min(size, rest);
    rest -= taken;
    return taken;
  });
}

interface Supply {
  readonly total: number;
  left(): number;
  /** Up to this many tracks of one distributor. */
  take(count: number): { count: number; make: () => readonly SentTrack[] };
}

async function createSupply({ tracks, run, catalogue }: PlanOptions, chance: Chance): Promise<Supply> {
  if (catalogue !== undefined) return realSupply(await readCatalogue(catalogue), run);
  const invent = inventTracks(chance, run);
  let left = tracks;
  return {
    total: tracks,
    left: () => left,
    take: (count) => {
      left -= count;
      return { count, make: () => [...invent(inventLabel(chance), count)] };
    },
  };
}

/** Each label brings what it has: the small ones all at once, the large ones as one upload, whatever size was drawn. */
function realSupply(byLabel: Map<string, Omit<SentTrack, 'reference'>[]>, run: string): Supply {
  const labels = [...byLabel.values()].sort((a, b) => a.length - b.length);
  const total = labels.reduce((sum, list) => sum + list.length, 0);
  let left = total;
  let number = 0;
  return {
    total,
    left: () => left,
    take: (count) => {
      const list = (count > 40 ? labels.pop() : labels.shift()) ?? [];
      left -= list.length;
      const tracks = list.map((track) => {
        number += 1;
        return { reference: `${run}-${number}`, ...track };
      });
      return { count: tracks.length, make: () => tracks };
    },
  };
}
