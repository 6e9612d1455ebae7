/** The ingest API on real sockets, with the broker in a file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../checks/fixtures.ts';
import { freePort, until } from '../../checks/servers.ts';
import { createApi } from './ingest.ts';
import { readSettings, type Settings } from './settings.ts';
import { openCatalogue, openUploads } from './store.ts';
import { createTasks } from './tasks.ts';
import { trackRows } from './track-rows.ts';
import { uploadRows } from './upload-rows.ts';
import { createReceiver, type Queue } from './uploads.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Place {
  readonly settings: Settings;
  readonly url: string;
  post(body: BodyInit, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
}
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}
/** Every member that some answer of the API has; each test looks at its own. */
interface AnswerBody {
  readonly id: string;
  readonly progress: string;
  readonly code: string;
  readonly detail: string;
  readonly accepted: number;
  readonly taken: number;
  readonly nextAfter: number;
  readonly errors: readonly { readonly line: number; readonly code: string }[];
  readonly repeated: boolean;
  readonly [other: string]: unknown;
}

const ndjson = { 'content-type': 'application/x-ndjson' };

async function start(change: Partial<Settings> = {}): Promise<Place> {
  const folder = temporaryFolder('catalogue');
  undo.push(folder.remove);
  const settings = {
    ...readSettings({}),
    broker: `sqlite:${join(folder.path, 'broker.db')}`,
    database: join(folder.path, 'catalogue.db'),
    ...change,
  };
  const api = createApi(settings);
  undo.push(() => api.close());
  api.server.listen(0, '127.0.0.1');
  await once(api.server, 'listening');
  const url = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  const read = async (response: Response): Promise<Answer> => ({
    status: response.status,
    headers: response.headers,
    body: await response.json(),
  });
  return {
    settings,
    url,
    post: async (body, headers = ndjson) => {
      const init = { method: 'POST', body, headers: { connection: 'close', ...headers }, duplex: 'half' };
      return read(await fetch(`${url}/uploads`, init as RequestInit));
    },
    get: async (path) => read(await fetch(url + path, { headers: { connection: 'close' } })),
  };
}

/** Works until the upload has come to something. */
async function work(place: Place, path: string): Promise<Answer['body']> {
  const { app } = createTasks(place.settings);
  const worker = app.worker({ concurrency: 1 });
  const running = worker.run();
  let progress = (await place.get(path)).body;
  await until(async () => {
    progress = (await place.get(path)).body;
    return progress.pending === 0;
  }, 'the work');
  await worker.stop();
  await running;
  await app.close();
  return progress;
}

const track = (title: string, more: object = {}): string =>
  `${JSON.stringify({ title, artist: 'x', ...more })}\n`;
const tracks = (count: number): string =>
  Array.from({ length: count }, (_, at) => track(`song ${at}`)).join('');
const waiting = async (place: Place): Promise<number> => {
  const { app } = createTasks(place.settings);
  try {
    return (await app.depth(place.settings.queue)).waiting;
  } finally {
    await app.close();
  }
};

describe('an upload', () => {
  test('is answered once its lines are in the queue, and stored by a worker; bad lines are told one by one', async () => {
    const place = await start();
    const body = `${track('a', { reference: 'r-1', year: 2011 })}nonsense\n${track('b', { isrc: 'bad', year: 2011 })}{"type":"album","title":"c","artist":"x"}\n`;
    const { status, headers, body: receipt } = await place.post(body);
    expect({ status, location: headers.get('location') }).toEqual({
      status: 202,
      location: `/uploads/${receipt.id}`,
    });
    expect(receipt).toMatchObject({ lines: 4, accepted: 3, rejected: 1, repeated: false });
    expect((await place.get(receipt.progress)).body).toMatchObject({
      state: 'enqueued',
      pending: 3,
      stored: 0,
    });

    const progress = await work(place, receipt.progress);
    expect(progress).toMatchObject({ accepted: 3, stored: 2, rejected: 2, pending: 0 });
    expect(progress.errors.map((error) => [error.line, error.code])).toEqual([
      [2, 'json_malformed'],
      [3, 'isrc_wrong'],
    ]);
    expect((await place.get('/summary')).body).toMatchObject({
      tracks: 1,
      collections: 1,
      rejected: 2,
      duplicates: 0,
    });
    expect((await place.get('/summary?run=r')).body).toMatchObject({ tracks: 1 });
  });

  test('may come as CSV or JSON', async () => {
    const place = await start();
    const csv = await place.post('type,title,artist\n,a,x\nplaylist,b,y\n', { 'content-type': 'text/csv' });
    expect(csv.body).toMatchObject({ accepted: 2, rejected: 0 });
    const json = await place.post(JSON.stringify({ tracks: [{ title: 'a' }], albums: [{}] }), {
      'content-type': 'application/json; charset=utf-8',
    });
    expect(json.body).toMatchObject({ accepted: 2, rejected: 0 });
  });

  test('errors come in pages', async () => {
    const place = await start();
    const { body } = await place.post('x\n'.repeat(250));
    const first = (await place.get(`${body.progress}?limit=100`)).body;
    const last = (await place.get(`${body.progress}?limit=200&after=${first.nextAfter}`)).body;
    expect([first.errors.length, first.nextAfter, last.errors.length, last.nextAfter]).toEqual([
      100,
      100,
      150,
      undefined,
    ]);
  });
});

describe('an idempotency key', () => {
  test('makes a repeat harmless, and gives the same result', async () => {
    const place = await start();
    const headers = { ...ndjson, 'idempotency-key': 'k1' };
    const first = await place.post(`${tracks(700)}bad\n`, headers);
    const second = await place.post(`${tracks(700)}bad\n`, headers);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.status).toBe(202);
    expect(second.body).toEqual({ ...first.body, repeated: true });
    expect(await waiting(place)).toBe(700);
  });

  test('makes repeats at the same time harmless', async () => {
    const place = await start();
    const headers = { ...ndjson, 'idempotency-key': 'k2' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => place.post(tracks(1_200), headers)));
    expect(answers.map(({ status, body }) => [status, body.accepted, body.id])).toEqual(
      answers.map(() => [202, 1_200, answers[0]?.body.id]),
    );
    expect(answers.filter(({ body }) => !body.repeated).length).toBe(1);
    expect(await waiting(place)).toBe(1_200);
  });

  test.each([
    ['longer', `${tracks(600)}${track('more')}`],
    ['shorter', tracks(599)],
    ['other', track('other').repeat(600)],
    ['shifted', `\n${tracks(600)}`],
  ])('with a %s body is refused', async (_, body) => {
    const place = await start();
    const headers = { ...ndjson, 'idempotency-key': 'k3' };
    await place.post(tracks(600), headers);
    const { status, body: problem } = await place.post(body, headers);
    expect([status, problem.code]).toEqual([422, 'KEY_REUSED']);
    expect(await waiting(place)).toBe(600);
  });

  test('lets a broken upload be taken up where it broke', async () => {
    const place = await start();
    const headers = { ...ndjson, 'idempotency-key': 'k4' };
    await breakAfter(place, headers, tracks(1_850));
    await until(async () => (await place.get('/uploads?key=k4')).body.taken === 1_800, 'whole batches');
    const { status, body } = await place.post(tracks(2_000), headers);
    expect([status, body.accepted, body.repeated]).toEqual([202, 2_000, false]);
    expect(await waiting(place)).toBe(2_000);
    const broken = { ...headers, 'idempotency-key': 'k5' };
    await breakAfter(place, broken, tracks(650));
    await until(async () => (await place.get('/uploads?key=k5')).body.taken === 600, 'whole batches');
    expect((await place.post(track('other').repeat(700), broken)).status).toBe(422);
  });

  test.each(['', 'x'.repeat(201), 'a b'])('that is none (%s) is refused', async (key) => {
    const place = await start();
    const { status, body } = await place.post(track('a'), { ...ndjson, 'idempotency-key': key });
    expect([status, body.code]).toEqual([400, 'KEY_INVALID']);
  });
});

describe('what cannot be taken is refused clearly', () => {
  test('a wrong content type, an empty body, a wrong method, an unknown path', async () => {
    const place = await start();
    const xml = await place.post('<a/>', { 'content-type': 'application/xml' });
    expect([xml.status, xml.body.code, xml.headers.get('content-type')]).toEqual([
      415,
      'CONTENT_TYPE_UNKNOWN',
      'application/problem+json',
    ]);
    expect((await place.post('\n\n')).body.code).toBe('BODY_EMPTY');
    expect((await place.get('/nothing')).status).toBe(404);
    expect((await place.get('/uploads/nobody')).status).toBe(404);
    const removed = await fetch(`${place.url}/uploads/x`, { method: 'DELETE' });
    expect(removed.status).toBe(405);
  });

  test('an oversized body: at once when it says its size, else at the limit, with what was taken', async () => {
    const place = await start({ maxBodyBytes: 100_000 });
    const said = await place.post(tracks(5_000));
    expect([said.status, said.body.code, said.body.taken]).toEqual([413, 'BODY_TOO_LARGE', undefined]);
    const streamed = await place.post(new Blob([tracks(5_000)]).stream());
    expect([streamed.status, streamed.body.taken % 100, streamed.body.taken > 0]).toEqual([413, 0, true]);
    expect(await waiting(place)).toBe(streamed.body.taken);
  });

  test('more than the queue may hold: 429, and the rest later under the same key', async () => {
    const place = await start({ queueLimitCount: 1_200 });
    const headers = { ...ndjson, 'idempotency-key': 'k6' };
    const full = await place.post(tracks(2_000), headers);
    expect([full.status, full.body.code, full.body.taken, full.headers.get('retry-after')]).toEqual([
      429,
      'QUEUE_FULL',
      1_200,
      '5',
    ]);
    expect((await place.get('/uploads?key=k6')).body).toMatchObject({ state: 'receiving', accepted: 1_200 });
    const other = createApi({ ...place.settings, queueLimitCount: 5_000 });
    undo.push(() => other.close());
    other.server.listen(0, '127.0.0.1');
    await once(other.server, 'listening');
    const url = `http://127.0.0.1:${(other.server.address() as AddressInfo).port}/uploads`;
    const rest = await fetch(url, { method: 'POST', body: tracks(2_000), headers });
    expect([rest.status, (await rest.json()).accepted]).toEqual([202, 2_000]);
    expect(await waiting(place)).toBe(2_000);
  });

  test('an unreachable broker: 503 with Retry-After, and nothing is said to be taken', async () => {
    const place = await start({ broker: `redis://127.0.0.1:${await freePort()}/0` });
    const { status, headers, body } = await place.post(tracks(10));
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'BROKER_UNREACHABLE', '5']);
    expect(body.detail).toMatch(/cannot be reached|did not answer/);
    expect((await place.get('/health')).status).toBe(200);
  });

  test('a broker that may have taken the lines and did not say so: the repeat doubles nothing', async () => {
    const place = await start();
    const uploads = openUploads(place.settings.database);
    const rows = uploadRows(uploads, openCatalogue(place.settings.database));
    const sent: { upload: number; line: number }[] = [];
    const queue: Queue = {
      waiting: async () => 0,
      enqueue: async (lines) => {
        sent.push(...lines);
        if (sent.length === 1) throw new RangeError('no answer');
      },
    };
    const receiver = createReceiver(queue, rows, place.settings);
    const once = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(track('a'));
    };
    const send = (): Promise<unknown> =>
      receiver.receive({ contentType: 'application/x-ndjson', key: 'k7', chunks: once() });
    await expect(send()).rejects.toMatchObject({ code: 'BROKER_UNREACHABLE' });
    expect(await send()).toMatchObject({ accepted: 1 });
    const [first, second] = sent;
    expect([second?.upload, second?.line]).toEqual([first?.upload, first?.line]);
    uploads.close();
  });

  test('a database from a newer version, and one that cannot be opened', () => {
    const folder = temporaryFolder('catalogue');
    undo.push(folder.remove);
    const file = join(folder.path, 'newer.db');
    openCatalogue(file).exec('PRAGMA user_version = 99');
    expect(() => openCatalogue(file)).toThrow(expect.objectContaining({ code: 'STORE_NEWER' }));
    writeFileSync(join(folder.path, 'text.db'), 'this is no database, however long it may be'.repeat(200));
    expect(() => openCatalogue(join(folder.path, 'text.db'))).toThrow(
      expect.objectContaining({ code: 'STORE_UNREACHABLE' }),
    );
  });
});

test('the agent tells the depth of the queue', async () => {
  const place = await start();
  await place.post(tracks(7));
  const info = await place.get('/hirefire/development/info');
  expect(info.body).toEqual([{ name: 'worker', value: 7 }]);
});

test('a line that is delivered twice is stored once, and the second time is counted', () => {
  const folder = temporaryFolder('catalogue');
  undo.push(folder.remove);
  const database = openCatalogue(join(folder.path, 'catalogue.db'));
  const rows = trackRows(database);
  const song = { kind: 'track', title: 'Hoppípolla', artist: 'Sigur Rós', durationSeconds: 269 } as const;
  const delivery = { upload: 1, line: 1, redelivered: false, waitedMs: 5 };
  expect(rows.storeTrack(delivery, song, [], 1)).toBe('stored');
  expect(rows.storeTrack({ ...delivery, redelivered: true }, song, [], 2)).toBe('found');
  expect(rows.storeTrack({ ...delivery, line: 2 }, { ...song, title: 'HOPPIPOLLA' }, [], 3)).toBe('stored');
  const note = { grade: 'rejected', code: 'x', text: 'y' } as const;
  expect(rows.reject({ ...delivery, line: 3 }, [note], 4)).toBe('rejected');
  expect(rows.reject({ ...delivery, line: 3 }, [note], 5)).toBe('found');
  expect(database.prepare('SELECT line, same_as FROM tracks').raw().all()).toEqual([
    [1, null],
    [2, 1],
  ]);
  expect(database.prepare('SELECT stored, rejected, matched FROM progress').raw().all()).toEqual([[2, 1, 1]]);
  expect(database.prepare('SELECT line, found FROM redeliveries').raw().all()).toEqual([
    [1, 1],
    [3, 1],
  ]);
});

const program = join(import.meta.dirname, '../../dist/examples/catalogue/api.js');

test.skipIf(!existsSync('/proc/self/status') || !existsSync(program))(
  'an upload much larger than the memory it may take goes through',
  async () => {
    const folder = temporaryFolder('catalogue');
    undo.push(folder.remove);
    const port = await freePort();
    const env = {
      ...process.env,
      PORT: String(port),
      BROKER_URL: `sqlite:${join(folder.path, 'broker.db')}`,
      CATALOGUE_DB: join(folder.path, 'catalogue.db'),
    };
    const child = spawn(process.execPath, ['--max-old-space-size=48', program], { env, stdio: 'ignore' });
    undo.push(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    const alive = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        () => true,
        () => false,
      );
    await until(alive, 'the API');
    const peakMegabytes = (): number =>
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
    const before = peakMegabytes();
    const lines = 50_000;
    const padding = 'p'.repeat(2_000);
    const body = new ReadableStream({
      type: 'bytes',
      start: () => {},
      pull: sendLines(lines, (at) => track(`song ${at}`, { padding })),
    });
    const init = { method: 'POST', body, headers: ndjson, duplex: 'half' };
    const answer = await fetch(`http://127.0.0.1:${port}/uploads`, init as RequestInit);
    expect((await answer.json()).accepted).toBe(lines);
    // The body has 100 MB.
    expect(peakMegabytes() - before).toBeLessThan(80);
  },
  120_000,
);

function sendLines(count: number, line: (at: number) => string): (to: ReadableByteStreamController) => void {
  let next = 0;
  return (to) => {
    const end = Math.min(count, next + 100);
    let text = '';
    for (; next < end; next += 1) text += line(next);
    if (text === '') to.close();
    else to.enqueue(new TextEncoder().encode(text));
  };
}

/** Sends a part of a body and cuts the connection. */
async function breakAfter(place: Place, headers: Record<string, string>, part: string): Promise<void> {
  const sending = request(`${place.url}/uploads`, { method: 'POST', headers });
  sending.on('error', () => {});
  await new Promise((resolve) => sending.write(part, resolve));
  const key = headers['idempotency-key'];
  await until(async () => ((await place.get(`/uploads?key=${key}`)).body.taken ?? 0) > 0, 'a first batch');
  sending.destroy();
}
