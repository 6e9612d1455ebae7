/**
 * `npm run bench -- measure [--looks 1000] [--apps 1000] [--seconds 40] [--skip-apps] [--json]`: what one exact reading of a Celery
 * queue costs, and what it costs to poll many apps.
 *
 * The queue is on a private Redis, with jobs in every priority step and in the hands of a worker; first without asking the workers,
 * then with a real Celery worker of Python that runs two jobs, then with 10,000 held messages. Beside each figure stands what
 * bounds or rivals it, taken in turns with it: a PING, everything read and parsed (LRANGE and HVALS), `celery inspect`.
 */
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import type { JobsReading } from '../../decide/words.ts';
import { celeryRedis } from '../../measure/celery-redis.ts';
import type { Meter } from '../../measure/meter.ts';
import { type BrokerPlace, python, startBroker } from './broker-place.ts';
import { type Polled, pollApps, serveApps } from './poll-apps.ts';

const { values } = parseArgs({
  options: {
    looks: { type: 'string', default: '1000' },
    apps: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '40' },
    'skip-apps': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    serve: { type: 'boolean', default: false },
  },
});
const looks = Number(values.looks);
const targets = { plainMs: 1, controlMs: 10, manyMs: 15, coreShare: 0.5 };
const steps = ['celery', 'celery\x06\x163', 'celery\x06\x166', 'celery\x06\x169'];
const never = new AbortController().signal;

if (values.serve) serveApps();
else await main();

interface Figure {
  readonly medianMs: number;
  readonly p99Ms: number;
}

async function main(): Promise<void> {
  const place = await startBroker();
  if (!place) {
    console.error('headcount: this bench needs redis-server');
    process.exitCode = 2;
    return;
  }
  const figures: Record<string, Figure> = {};
  let held: JobsReading | undefined;
  try {
    await fill(place.redis, 100, 50);
    await plain(place, figures, 'without asking workers', looks);
    await withWorker(place, figures);
    await fill(place.redis, 100, 10_000);
    held = await plain(place, figures, '10,000 held', Math.ceil(looks / 10));
  } finally {
    place.stop();
  }
  const polled = values['skip-apps'] ? undefined : await poll();
  report(figures, held, polled);
}

async function poll(): Promise<Polled> {
  return await pollApps(Number(values.apps), 10, Number(values.seconds), fileURLToPath(import.meta.url));
}

async function fill(redis: Redis, ready: number, heldCount: number): Promise<void> {
  await redis.flushall();
  for (const [index, key] of steps.entries())
    await redis.lpush(key, ...Array.from({ length: ready / 4 }, (_, n) => message(`${index}-${n}`)));
  for (let from = 0; from < heldCount; from += 1_000) {
    const some = Array.from({ length: Math.min(1_000, heldCount - from) }, (_, n) => [
      `tag-${from + n}`,
      `[${message(`held-${from + n}`)}, "", "celery"]`,
    ]);
    await redis.hset('unacked', ...some.flat());
  }
}

/** As Celery 5.6 writes it, about 1 kB. */
function message(id: string): string {
  const body = Buffer.from(
    '[[2, 3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
  );
  const headers = {
    ...{ lang: 'py', task: 'music.load', id, shadow: null, eta: null, expires: null, group: null },
    ...{ group_index: null, retries: 0, timelimit: [null, null], root_id: id, parent_id: null },
    ...{ argsrepr: '(2, 3)', kwargsrepr: '{}', origin: 'gen13467@vm', ignore_result: true, stamps: {} },
  };
  const delivery = { delivery_info: { exchange: '', routing_key: 'celery' }, delivery_tag: id, priority: 0 };
  return JSON.stringify({
    body: body.toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: { correlation_id: id, delivery_mode: 2, body_encoding: 'base64', ...delivery },
  });
}

async function plain(
  { url, redis }: BrokerPlace,
  figures: Record<string, Figure>,
  name: string,
  count: number,
): Promise<JobsReading> {
  const meter = meterOf(url, false);
  const times = await inTurns(count, {
    [name]: () => read(meter),
    [`${name}: a PING`]: () => redis.ping(),
    [`${name}: all read and parsed`]: () => everything(redis),
  });
  Object.assign(figures, times);
  const reading = await read(meter);
  await meter.close?.();
  return reading;
}

async function withWorker(place: BrokerPlace, figures: Record<string, Figure>): Promise<void> {
  const celery = python(place);
  try {
    await place.redis.flushall();
    const running = { ...JSON.parse(message('a-running-job')) };
    running.headers.task = 'probe.block';
    running.body = Buffer.from('[[], {}, {}]').toString('base64');
    if (!(await celery.startWorker())) return console.log('python3-celery is not here: nobody is asked');
    await place.redis.lpush('celery', ...['1', '2', '3'].map((id) => JSON.stringify(withId(running, id))));
    const meter = meterOf(place.url, true);
    for (let tries = 0; tries < 600 && (await read(meter)).running !== 2; tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const reading = await read(meter);
    if (reading.running !== 2) throw new RangeError(`the worker does not run 2: ${JSON.stringify(reading)}`);
    Object.assign(figures, await inTurns(Math.min(looks, 300), { 'with the workers': () => read(meter) }));
    const inspectMs = await celery.inspectMs();
    figures['with the workers: celery inspect active'] = { medianMs: inspectMs, p99Ms: inspectMs };
    await meter.close?.();
  } finally {
    celery.stop();
  }
}

function withId(task: { headers: object; properties: object }, id: string): object {
  const properties = { ...task.properties, correlation_id: id, delivery_tag: id };
  return { ...task, headers: { ...task.headers, id, root_id: id }, properties };
}

function meterOf(url: string, control: boolean): Meter {
  const defaults = celeryRedis.options.map(({ name, default: value }) => [name, value ?? '']);
  const surroundings = { appToken: 'token', processType: 'worker', now: Date.now };
  return celeryRedis.create({ ...Object.fromEntries(defaults), url, control }, surroundings);
}

async function read(meter: Meter): Promise<JobsReading> {
  const [reading] = await meter.read(never);
  if (reading?.kind !== 'jobs') throw new RangeError(`no jobs: ${JSON.stringify(reading)}`);
  return reading;
}

/** What a meter without a script would do for the same numbers. */
async function everything(redis: Redis): Promise<number> {
  const pipeline = redis.multi();
  for (const key of steps) pipeline.lrange(key, 0, -1);
  const replies = (await pipeline.hvals('unacked').exec()) ?? [];
  return replies.flatMap(([, texts]) => (texts as string[]).map((text) => JSON.parse(text))).length;
}

/** One of each after the other, so that a busy machine hits all of them. */
async function inTurns(
  count: number,
  works: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<Record<string, Figure>> {
  const times = new Map<string, number[]>(Object.keys(works).map((name) => [name, []]));
  for (let turn = -Math.ceil(count / 10); turn < count; turn++)
    for (const [name, work] of Object.entries(works)) {
      const began = performance.now();
      await work();
      if (turn >= 0) times.get(name)?.push(performance.now() - began);
    }
  return Object.fromEntries([...times].map(([name, all]) => [name, figureOf(all)]));
}

function figureOf(times: number[]): Figure {
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? NaN;
  return { medianMs: at(0.5), p99Ms: at(0.99) };
}

function report(
  figures: Readonly<Record<string, Figure>>,
  held: JobsReading | undefined,
  polled: Polled | undefined,
): void {
  console.log(`one reading of celery-redis on loopback, ms (load average ${loadavg()[0]?.toFixed(1)}):`);
  for (const [name, { medianMs, p99Ms }] of Object.entries(figures))
    console.log(
      `  ${name.padEnd(44)} median ${medianMs.toFixed(2).padStart(8)}   p99 ${p99Ms.toFixed(2).padStart(8)}`,
    );
  const reached = {
    plain: below(figures['without asking workers'], targets.plainMs),
    control: below(figures['with the workers'], targets.controlMs),
    many: below(figures['10,000 held'], targets.manyMs) && held?.estimated === true,
    ...(polled && { polling: polled.coreShare <= targets.coreShare && polled.tokens === polled.apps }),
  };
  console.log(`  10,000 held were read as ${held?.waiting} waiting, estimated: ${held?.estimated === true}`);
  if (polled)
    console.log(
      `${polled.apps} apps polled every ${polled.everySeconds} s: ${(polled.polls / polled.overSeconds).toFixed(0)} polls/s with ${polled.tokens} tokens, ${(polled.coreShare * 100).toFixed(0)} % of a core`,
    );
  console.log(
    `targets: median at most ${targets.plainMs} ms, ${targets.controlMs} ms with the workers, ${targets.manyMs} ms with 10,000 held (an estimate); ${targets.coreShare * 100} % of a core: ${JSON.stringify(reached)}`,
  );
  if (values.json) console.log(JSON.stringify({ figures, held, polled, reached }));
  if (Object.values(reached).includes(false)) process.exitCode = 1;
}

function below(figure: Figure | undefined, ms: number): boolean {
  return figure !== undefined && figure.medianMs <= ms;
}
