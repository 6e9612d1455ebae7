/**
 * The distributors, as one process: they upload bursts of unpredictable size, look how their uploads come along, and take no for an
 * answer only as long as Retry-After says.
 *
 *   node dist/examples/catalogue/distributors.js --url http://127.0.0.1:5000 --tracks 20000 [--catalogue DIR] [--seed 1]
 *
 * Prints JSON lines: {"kind":"progress",...} once a second and {"kind":"total",...} last, when every line that was taken has
 * been stored or rejected. What they sent is counted here, what was stored is counted by the API from its rows.
 */
import { parseArgs } from 'node:util';
import { bodyOf, type Format } from './load/body.ts';
import { createChance } from './load/chance.ts';
import { type Client, createClient, sleep } from './load/client.ts';
import { planBursts } from './load/plan.ts';
import { Problem } from './problem.ts';

interface Tally {
  bursts: number;
  uploads: number;
  tracks: number;
  collections: number;
  stored: number;
  rejected: number;
  pending: number;
  /** What lines were told, one example of each kind. */
  readonly errors: Told[];
}

interface Told {
  readonly line: number;
  readonly code: string;
  readonly grade: string;
  readonly text: string;
}

interface Sent {
  readonly id: string;
  readonly lines: number;
  settled: boolean;
  stored: number;
  rejected: number;
}

const options = {
  url: { type: 'string', default: 'http://127.0.0.1:5000' },
  tracks: { type: 'string', default: '20000' },
  catalogue: { type: 'string' },
  seed: { type: 'string', default: '1' },
  run: { type: 'string', default: `r${Date.now().toString(36)}` },
} as const;

await main().catch((error: unknown) => {
  // Told to stop in the middle of a request.
  if (error instanceof Error && error.name === 'AbortError') return;
  console.error(error instanceof Problem ? error.message : error);
  process.exitCode = 1;
});
// An open channel would keep the process.
if (process.connected) process.disconnect();

async function main(): Promise<void> {
  const { values } = parseArgs({ options });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  // Whoever started us with a channel is gone.
  process.once('disconnect', () => stop.abort());
  const chance = createChance(whole('seed', values.seed));
  const client = createClient(values.url, stop.signal, () => chance.next() < 0.02);
  const tally: Tally = {
    bursts: 0,
    uploads: 0,
    tracks: 0,
    collections: 0,
    stored: 0,
    rejected: 0,
    pending: 0,
    errors: [],
  };
  const sent: Sent[] = [];
  const watching = watch(client, sent, tally, stop.signal);
  const plan = { tracks: whole('tracks', values.tracks), run: values.run };
  const bursts = planBursts(
    values.catalogue === undefined ? plan : { ...plan, catalogue: values.catalogue },
    chance,
  );
  for await (const burst of bursts) {
    await sleep(burst.pauseMs, stop.signal);
    if (stop.signal.aborted) break;
    tally.bursts += 1;
    print('burst', { tracks: burst.tracks, uploads: burst.uploads.length });
    const format = (): Format => chance.pick(['ndjson', 'ndjson', 'json', 'csv']);
    await allOf(burst.uploads, 4, async (make) => {
      const body = bodyOf(make(), format(), chance);
      const { id } = await client.upload(body);
      const lines = body.tracks + body.collections;
      sent.push({ id, lines, settled: false, stored: 0, rejected: 0 });
      tally.uploads += 1;
      tally.tracks += body.tracks;
      tally.collections += body.collections;
    });
  }
  await watching.finish();
  if (!stop.signal.aborted) await total(client, values.run, tally);
  client.close();
}

/** Looks at every upload until its lines have come to something. */
function watch(client: Client, sent: Sent[], tally: Tally, signal: AbortSignal): { finish(): Promise<void> } {
  let ending = false;
  const look = async (upload: Sent): Promise<void> => {
    const answer = await client.get(`/uploads/${upload.id}?limit=100`).catch(() => undefined);
    if (answer?.status !== 200) return;
    const { stored, rejected, errors } = answer.body;
    upload.stored = Number(stored);
    upload.rejected = Number(rejected);
    upload.settled = upload.stored + upload.rejected >= upload.lines;
    if (upload.settled && Array.isArray(errors)) keepExamples(tally.errors, errors as Told[]);
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const open = sent.filter((upload) => !upload.settled);
      if (ending && open.length === 0) return;
      await allOf(open.slice(0, 50), 2, look);
      tally.stored = sent.reduce((sum, upload) => sum + upload.stored, 0);
      tally.rejected = sent.reduce((sum, upload) => sum + upload.rejected, 0);
      tally.pending = sent.reduce((sum, upload) => sum + upload.lines, 0) - tally.stored - tally.rejected;
      const { errors: _, ...progress } = tally;
      print('progress', { ...progress, requests: client.latenciesMs.length, putOff: client.reasons() });
      await sleep(500, signal);
    }
  };
  const running = run();
  return {
    finish: async () => {
      ending = true;
      await running;
    },
  };
}

function keepExamples(kept: Told[], told: readonly Told[]): void {
  for (const one of told) if (kept.length < 50 && !kept.some(({ code }) => code === one.code)) kept.push(one);
}

async function total(client: Client, run: string, tally: Tally): Promise<void> {
  const sorted = [...client.latenciesMs].sort((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0);
  const summary = await client.get(`/summary?run=${encodeURIComponent(run)}`);
  print('total', {
    ...tally,
    run,
    requests: sorted.length,
    repeats: client.repeats(),
    putOff: client.reasons(),
    apiP50Ms: at(0.5),
    apiP99Ms: at(0.99),
    apiMostMs: at(1),
    summary: summary.body,
  });
}

async function allOf<T>(list: readonly T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < list.length) {
      const one = list[next];
      next += 1;
      if (one !== undefined) await work(one);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function print(kind: string, more: object): void {
  process.stdout.write(`${JSON.stringify({ kind, ...more })}\n`);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Problem(
    'SETTING_INVALID',
    `--${name} is "${text}", not a whole number. Give one, as in --${name} 100.`,
  );
}
