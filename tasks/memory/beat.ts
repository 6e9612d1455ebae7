/** Entries of beats of one memory broker: apps that share the place share them. */
import { type BeatStore, createMemoryBeatStore } from '../beat/store.ts';
import type { Broker } from '../broker.ts';
import type { Place } from './place.ts';

const stores = new WeakMap<Place, Map<string, BeatStore>>();

export function memoryBeatStore(place: Place, name: string, publish: Broker['publish']): BeatStore {
  const known = stores.get(place) ?? new Map<string, BeatStore>();
  stores.set(place, known);
  const store = known.get(name) ?? createMemoryBeatStore(publish);
  known.set(name, store);
  return store;
}
