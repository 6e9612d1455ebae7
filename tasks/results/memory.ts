/** Results in the memory of one process, for tests: apps that give the same name share them. Gone with the last app. */
import {
  decodeResult,
  encodeResult,
  isFinal,
  type ResultRecord,
  type Results,
  type ResultsSettings,
  replaces,
} from '../results.ts';

interface Kept {
  readonly text: string;
  readonly expiresMs: number;
}

interface Place {
  readonly kept: Map<string, Kept>;
  readonly waiting: Map<string, Set<() => void>>;
  users: number;
}

const places = new Map<string, Place>();
/** Those that expired are looked for when so many were stored since. */
const purgeEveryCount = 1_000;

export function openMemoryResults(name: string, { expiresSeconds }: ResultsSettings): Results {
  const place = places.get(name) ?? { kept: new Map(), waiting: new Map(), users: 0 };
  places.set(name, place);
  place.users++;
  let stored = 0;
  let closed = false;
  return {
    store: async (record) => {
      const now = Date.now();
      if (++stored % purgeEveryCount === 0) purge(place, now);
      if (!replaces(found(place, record.task_id, now))) return;
      const expiresMs = expiresSeconds > 0 ? now + expiresSeconds * 1000 : Infinity;
      // As text: what was kept must not change when its object does.
      place.kept.set(record.task_id, { text: encodeResult(record), expiresMs });
      for (const told of place.waiting.get(record.task_id) ?? []) told();
    },
    get: async (id) => found(place, id, Date.now()),
    wait: (id, signal) => wait(place, id, signal),
    close: async () => {
      if (!closed && --place.users === 0 && places.get(name) === place) places.delete(name);
      closed = true;
    },
  };
}

function found(place: Place, id: string, nowMs: number): ResultRecord | undefined {
  const kept = place.kept.get(id);
  return kept && kept.expiresMs > nowMs ? decodeResult(kept.text) : undefined;
}

async function wait(place: Place, id: string, signal: AbortSignal): Promise<ResultRecord> {
  const waiting = place.waiting.get(id) ?? new Set();
  place.waiting.set(id, waiting);
  let told = (): void => {};
  const tell = (): void => told();
  waiting.add(tell);
  signal.addEventListener('abort', tell);
  try {
    while (true) {
      signal.throwIfAborted();
      const record = found(place, id, Date.now());
      if (isFinal(record)) return record;
      await new Promise<void>((resolve) => {
        told = resolve;
      });
    }
  } finally {
    signal.removeEventListener('abort', tell);
    waiting.delete(tell);
    if (waiting.size === 0) place.waiting.delete(id);
  }
}

function purge(place: Place, nowMs: number): void {
  for (const [id, { expiresMs }] of place.kept) if (expiresMs <= nowMs) place.kept.delete(id);
}
